//! Processes that always want to call, in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::bucket::{Bucket, Hint};
use super::script::Scripts;
use crate::budget::answer::{Answer, GrantedAt};
use crate::budget::local::{Local, Next};
use crate::operation::Lane;

const PROCESSES: usize = 4;
const IN_FLIGHT: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// A caller of a process wants a permit.
    Want,
    /// Its call arrives at the API.
    Arrive(GrantedAt),
    /// The answer is back: let through or not, with what the API told.
    Back { granted_at: GrantedAt, through: bool, told: f64, left: f64 },
}

/// By time, then by order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct At(u64, u64, usize);

pub(super) struct Fleet {
    pub(super) scripts: Scripts,
    pub(super) bucket: Bucket,
    hint: Hint,
    latency_ms: f64,
    processes: Vec<Local>,
    queue: BinaryHeap<Reverse<At>>,
    events: Vec<(usize, Lane, Event)>,
    now: f64,
    start: Instant,
    random: ChaCha8Rng,
    /// Questions to Redis.
    pub(super) asked: u64,
    /// When each interactive caller wanted a permit, and when it got one.
    pub(super) interactive: Vec<(f64, f64)>,
    refused_first: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    let_through: u64,
    earned: f64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    /// Calls let through, of those that the bucket earned.
    pub(super) share: f64,
    /// 429s since the beginning.
    pub(super) refused: u64,
    /// Those of the first half-minute.
    pub(super) refused_first: u64,
    pub(super) learnt_per_minute: Option<f64>,
}

impl Fleet {
    pub(super) fn new(per_minute: f64, burst: f64, latency_ms: f64, hint: Hint) -> Self {
        let mut fleet = Self {
            scripts: Scripts::new(),
            bucket: Bucket::new(per_minute, burst),
            hint,
            latency_ms,
            processes: (0..PROCESSES).map(|_| Local::new(2.0)).collect(),
            queue: BinaryHeap::new(),
            events: Vec::new(),
            now: 0.0,
            start: Instant::now(),
            random: ChaCha8Rng::seed_from_u64(7),
            asked: 0,
            interactive: Vec::new(),
            refused_first: 0,
        };
        for caller in 0..PROCESSES * IN_FLIGHT {
            fleet.after(0.0, caller % PROCESSES, Lane::Bulk, Event::Want);
        }
        fleet
    }

    pub(super) fn refused(&self) -> u64 {
        self.bucket.refused
    }

    pub(super) fn set_limit(&mut self, per_minute: f64) {
        self.bucket.pass_to(self.now);
        self.bucket.per_second = per_minute / 60.0;
    }

    /// Interactive callers that each want one call now.
    pub(super) fn interactive(&mut self, callers: usize) {
        for caller in 0..callers {
            self.interactive.push((self.now, f64::NAN));
            self.after(0.0, caller % PROCESSES, Lane::Interactive, Event::Want);
        }
    }

    pub(super) fn mark(&mut self) -> Mark {
        self.bucket.pass_to(self.now);
        Mark { let_through: self.bucket.let_through, earned: self.bucket.earned }
    }

    pub(super) fn figures_since(&mut self, mark: Mark) -> Figures {
        self.bucket.pass_to(self.now);
        let through = (self.bucket.let_through - mark.let_through) as f64;
        Figures {
            share: through / (self.bucket.earned - mark.earned),
            refused: self.bucket.refused,
            refused_first: self.refused_first,
            learnt_per_minute: self.learnt_per_minute(),
        }
    }

    pub(super) fn learnt_per_minute(&self) -> Option<f64> {
        Some(self.scripts.field("rate") * 60.0).filter(|_| self.scripts.field("phase") >= 2.0)
    }

    fn after(&mut self, seconds: f64, process: usize, lane: Lane, event: Event) {
        self.events.push((process, lane, event));
        let at = ((self.now + seconds) * 1e9) as u64;
        self.queue.push(Reverse(At(at, self.events.len() as u64, self.events.len() - 1)));
    }

    pub(super) fn run_until(&mut self, end: f64) {
        while let Some(Reverse(At(at, _, index))) = self.queue.peek().copied() {
            if at as f64 / 1e9 > end {
                break;
            }
            self.queue.pop();
            self.now = at as f64 / 1e9;
            self.scripts.set_now(self.now);
            let (process, lane, event) = self.events[index];
            self.happen(process, lane, event);
        }
        self.now = end;
    }

    /// One way, or the way back: the latency with a third of jitter.
    fn half_way(&mut self) -> f64 {
        self.latency_ms / 2000.0 * self.random.random_range(0.67..1.33)
    }

    fn happen(&mut self, process: usize, lane: Lane, event: Event) {
        match event {
            Event::Want => self.want(process, lane),
            Event::Arrive(granted_at) => {
                let through = self.bucket.arrive(self.now);
                if !through && self.now < 30.0 {
                    self.refused_first += 1;
                }
                let told = if through || self.hint == Hint::None { 0.0 } else { self.bucket.retry_after() };
                let left = self.bucket.left();
                let way = self.half_way();
                self.after(way, process, lane, Event::Back { granted_at, through, told, left });
            }
            Event::Back { granted_at, through, told, left } => self.back(process, lane, granted_at, through, told, left),
        }
    }

    fn want(&mut self, process: usize, lane: Lane) {
        let now = self.start + Duration::from_secs_f64(self.now);
        let outcome = match self.processes[process].next(lane, now) {
            Next::Granted(at) => Ok(at),
            Next::Wait(wait) => Err(wait),
            Next::Ask(report) => {
                self.asked += 1;
                let numbers = [report.ended, report.answered, report.lapsed, report.waits].map(f64::from);
                let lane_word = f64::from(u8::from(lane == Lane::Interactive));
                let answer = self.scripts.take(&[0.0, 10.0, lane_word, numbers[0], numbers[1], numbers[2], numbers[3]]);
                self.processes[process].heard(lane, now, Answer::from(answer))
            }
        };
        match outcome {
            Ok(granted_at) => {
                if lane == Lane::Interactive {
                    let waiting = self.interactive.iter_mut().find(|(_, granted)| granted.is_nan()).unwrap();
                    waiting.1 = self.now;
                }
                let way = self.half_way();
                self.after(way, process, lane, Event::Arrive(granted_at));
            }
            Err(wait) => {
                let room = (wait.retry_in / 4).min(Duration::from_millis(250)).as_secs_f64();
                let retry = wait.retry_in.as_secs_f64() + room * self.random.random::<f64>();
                self.after(retry, process, lane, Event::Want);
            }
        }
    }

    fn back(&mut self, process: usize, lane: Lane, granted_at: GrantedAt, through: bool, told: f64, left: f64) {
        let local = &mut self.processes[process];
        if self.hint == Hint::Headers {
            self.scripts.told((self.bucket.per_second * 60.0).round(), left);
        }
        if through {
            local.answered();
        } else {
            local.drop_stock();
            let wait = self.scripts.refused(granted_at.0, (told * 1e6) as u64);
            local.pause(self.start + Duration::from_secs_f64(self.now), Duration::from_micros(wait));
        }
        local.ended();
        if lane == Lane::Bulk {
            // A worker takes a moment for its next call.
            self.after(0.001, process, lane, Event::Want);
        }
    }
}
