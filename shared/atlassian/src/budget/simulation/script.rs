//! Redis, as far as the scripts of the budget can see it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use mlua::{Function, Lua, MultiValue, Value};

use crate::budget::scripts::{REFUSED, TAKE, TOLD};

/// Virtual microseconds before the first moment: Redis's clock has the same number of digits.
pub(super) const EPOCH: f64 = 1.8e15;

pub(super) struct Scripts {
    lua: Lua,
    take: Function,
    refused: Function,
    told: Function,
    hash: Rc<RefCell<HashMap<String, String>>>,
    now: Rc<Cell<f64>>,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let lua = Lua::new();
        let (hash, now) = (Rc::new(RefCell::new(HashMap::new())), Rc::new(Cell::new(EPOCH)));
        let (fields, clock) = (Rc::clone(&hash), Rc::clone(&now));
        let call = lua
            .create_function(move |lua, arguments: MultiValue| {
                let words: Vec<String> = arguments.iter().map(|word| word.to_string().unwrap()).collect();
                let table = match words[0].as_str() {
                    "TIME" => {
                        let micros = clock.get() as u64;
                        vec![
                            Value::String(lua.create_string((micros / 1_000_000).to_string())?),
                            Value::String(lua.create_string((micros % 1_000_000).to_string())?),
                        ]
                    }
                    "HMGET" => words[2..]
                        .iter()
                        .map(|name| match fields.borrow().get(name) {
                            Some(value) => lua.create_string(value).map(Value::String),
                            // As Redis gives nil to Lua.
                            None => Ok(Value::Boolean(false)),
                        })
                        .collect::<Result<_, _>>()?,
                    "HSET" => {
                        let pairs = words[2..].chunks(2).map(|pair| (pair[0].clone(), pair[1].clone()));
                        fields.borrow_mut().extend(pairs);
                        vec![]
                    }
                    "PEXPIRE" => vec![],
                    other => panic!("the scripts call {other}, which is not simulated"),
                };
                lua.create_sequence_from(table)
            })
            .unwrap();
        let redis = lua.create_table().unwrap();
        redis.set("call", call).unwrap();
        lua.globals().set("redis", redis).unwrap();
        lua.globals().set("KEYS", lua.create_sequence_from(["family"]).unwrap()).unwrap();
        let load = |text: &str| lua.load(text).into_function().unwrap();
        let (take, refused, told) = (load(TAKE), load(REFUSED), load(TOLD));
        Self { lua, take, refused, told, hash, now }
    }

    pub(super) fn set_now(&self, seconds: f64) {
        self.now.set(EPOCH + (seconds * 1e6).round());
    }

    fn arguments(&self, arguments: &[f64]) {
        let texts = arguments.iter().map(ToString::to_string);
        self.lua.globals().set("ARGV", self.lua.create_sequence_from(texts).unwrap()).unwrap();
    }

    pub(super) fn take(&self, arguments: &[f64]) -> (u32, u64, u8, u64) {
        self.arguments(arguments);
        let answer: Vec<f64> = self.take.call(()).unwrap();
        // Redis cuts numbers off to integers.
        (answer[0] as u32, answer[1] as u64, answer[2] as u8, answer[3] as u64)
    }

    pub(super) fn refused(&self, granted_at: u64, told: u64) -> u64 {
        self.arguments(&[granted_at as f64, told as f64]);
        self.refused.call::<f64>(()).unwrap() as u64
    }

    pub(super) fn told(&self, per_minute: f64, left: f64) {
        self.arguments(&[per_minute, left]);
        self.told.call::<f64>(()).unwrap();
    }

    pub(super) fn set_field(&self, name: &str, value: f64) {
        self.hash.borrow_mut().insert(name.to_owned(), value.to_string());
    }

    pub(super) fn field(&self, name: &str) -> f64 {
        self.hash.borrow().get(name).map_or(0.0, |text| text.parse().unwrap())
    }
}
