//! Generated histories of one account: changes elsewhere, look-ups and full syncs in any order and with any delay, operations, lost answers,
//! crashes. Whatever happens, a call is made only on what was true after the operation was asked for and after our own last write.
//!
//! The rules are the ones that production runs (`wins`, `fresh`, `may_act`, `ItemState::after`); the world around them is played. Each
//! change makes a value that was never there before, so that whoever acts on an older one is seen.
#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

use std::time::Duration;

use chrono::DateTime;
use orgmirror_domain::freshness::{Freshness, fresh};
use orgmirror_domain::gate::{Admission, Gate, GateView, OwnWrite, may_act};
use orgmirror_domain::ids::Instant;
use orgmirror_domain::item::{ItemEvent, ItemState};
use orgmirror_domain::winner::{Source, Stored, wins};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

/// What the API showed, and the instant drawn just before it was asked.
#[derive(Clone, Copy, Debug)]
struct Observation {
    instant: i64,
    value: i64,
}

#[derive(Clone, Copy, Debug)]
struct FullRun {
    watermark: i64,
    page: Option<Observation>,
    committed: bool,
}

#[derive(Debug)]
struct History {
    now: i64,
    /// Since when which value is true, oldest first.
    truth: Vec<(i64, i64)>,
    row: Observation,
    watermark: i64,
    look_ups: Vec<Observation>,
    run: Option<FullRun>,
    item: ItemState,
    asked: i64,
    own_write: Option<OwnWrite>,
    read_from: Option<i64>,
    calls: usize,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    ChangeElsewhere,
    LookUp,
    CommitLookUp(usize),
    LoseLookUp(usize),
    StartFullRun,
    ReadPage,
    CommitPage,
    CompleteRun,
    Ask,
    Start,
    Answer(ItemEvent),
    Deadline,
    ReadBack,
    Settle,
}

impl History {
    fn new() -> Self {
        Self {
            now: 2,
            truth: vec![(0, 0)],
            row: Observation { instant: 1, value: 0 },
            watermark: 1,
            look_ups: Vec::new(),
            run: None,
            item: ItemState::Skipped,
            asked: 0,
            own_write: None,
            read_from: None,
            calls: 0,
        }
    }

    fn draw(&mut self) -> i64 {
        self.now += 1;
        self.now
    }

    fn value(&self) -> i64 {
        self.truth.last().unwrap().1
    }

    fn change(&mut self) {
        let at = self.draw();
        self.truth.push((at, at));
    }

    /// Whether the value was true at some time since `since`.
    fn was_true_since(&self, value: i64, since: i64) -> bool {
        let at = self.truth.iter().position(|(_, known)| *known == value).unwrap();
        self.truth.get(at + 1).is_none_or(|(until, _)| *until > since)
    }

    fn observe(&mut self) -> Observation {
        let instant = self.draw();
        Observation { instant, value: self.value() }
    }

    fn write(&mut self, seen: Observation, source: Source) {
        let stored = Stored { observed: Instant(self.row.instant), differs: self.row.value != seen.value };
        if wins(Some(stored), Instant(seen.instant), source) {
            self.row = seen;
        }
    }

    fn freshness(&self) -> Freshness {
        let at = DateTime::from_timestamp(0, 0).unwrap();
        let of = |instant| Some(Freshness { instant: Instant(instant), at });
        fresh(of(self.row.instant), of(self.watermark)).unwrap()
    }

    fn moves(&mut self, event: ItemEvent) -> bool {
        let next = self.item.after(event);
        self.item = next.unwrap_or(self.item);
        next.is_some()
    }

    fn start(&mut self) -> Result<(), TestCaseError> {
        let fresh = self.freshness();
        let view = GateView {
            admission: Admission::Admitted,
            asked: Instant(self.asked),
            account: Some(fresh),
            group: None,
            own_write: self.own_write,
            open_elsewhere: false,
            max_age: Duration::from_secs(1),
            waits_until: DateTime::from_timestamp(9, 0).unwrap(),
            now: fresh.at,
        };
        if self.item != ItemState::Pending || !matches!(may_act(&view), Gate::Open(_)) {
            return Ok(());
        }
        let since = self.asked.max(self.own_write.map_or(0, |write| write.instant.0));
        prop_assert!(self.was_true_since(self.row.value, since), "acted on {:?}, asked for at {since}: {self:?}", self.row);
        self.moves(ItemEvent::Marked);
        self.read_from = None;
        self.calls += 1;
        Ok(())
    }

    fn play(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::ChangeElsewhere => self.change(),
            Step::LookUp => {
                let seen = self.observe();
                self.look_ups.push(seen);
            }
            Step::CommitLookUp(which) if !self.look_ups.is_empty() => {
                let seen = self.look_ups.swap_remove(which % self.look_ups.len());
                self.write(seen, Source::LookUp);
            }
            Step::LoseLookUp(which) if !self.look_ups.is_empty() => {
                let _lost = self.look_ups.swap_remove(which % self.look_ups.len());
            }
            Step::StartFullRun if self.run.is_none() => {
                self.run = Some(FullRun { watermark: self.draw(), page: None, committed: false });
            }
            Step::ReadPage if self.run.is_some_and(|run| !run.committed) => {
                let seen = self.observe();
                self.run = self.run.map(|run| FullRun { page: Some(seen), ..run });
            }
            Step::CommitPage => {
                if let Some(FullRun { watermark, page: Some(seen), committed: false }) = self.run {
                    self.write(seen, Source::Page { awaited: !self.look_ups.is_empty(), watermark: Instant(watermark) });
                    self.run = self.run.map(|run| FullRun { committed: true, ..run });
                }
            }
            Step::CompleteRun => {
                if let Some(FullRun { watermark, committed: true, .. }) = self.run {
                    self.watermark = watermark;
                    self.run = None;
                }
            }
            Step::Ask if self.item.has_ended() => (self.item, self.asked) = (ItemState::Pending, self.draw()),
            Step::Start => self.start()?,
            Step::Answer(event) if self.item == ItemState::Running => {
                if event == ItemEvent::Done {
                    self.change();
                }
                // With an answer the instant of the write is drawn after it; without, after the deadline.
                if self.moves(event) && event != ItemEvent::Unanswered {
                    self.own_write = Some(OwnWrite { instant: Instant(self.draw()), unsettled: event == ItemEvent::Done });
                }
            }
            // Whoever had it may have made the call, up to the deadline.
            Step::Deadline if self.item.is_open() && self.read_from.is_none() => {
                if self.now % 2 == 0 {
                    self.change();
                }
                self.moves(ItemEvent::Silent);
                let drawn = self.draw();
                self.read_from = Some(drawn);
                self.own_write = Some(OwnWrite { instant: Instant(drawn), unsettled: false });
            }
            Step::ReadBack
                if self.item == ItemState::Unknown
                    && self.read_from.is_some_and(|from| self.freshness().instant > Instant(from)) =>
            {
                self.moves(if self.row.value % 2 == 0 { ItemEvent::ReadNotSo } else { ItemEvent::ReadSo });
            }
            Step::Settle => {
                let fresh = self.freshness();
                if let Some(write) = self.own_write.as_mut().filter(|write| fresh.instant > write.instant) {
                    write.unsettled = false;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn step() -> impl Strategy<Value = Step> {
    let answers = [ItemEvent::Done, ItemEvent::SaidSo, ItemEvent::Refused, ItemEvent::Unanswered];
    prop_oneof![
        3 => Just(Step::ChangeElsewhere),
        3 => Just(Step::LookUp),
        3 => (0..4usize).prop_map(Step::CommitLookUp),
        1 => (0..4usize).prop_map(Step::LoseLookUp),
        2 => Just(Step::StartFullRun),
        2 => Just(Step::ReadPage),
        2 => Just(Step::CommitPage),
        2 => Just(Step::CompleteRun),
        3 => Just(Step::Ask),
        5 => Just(Step::Start),
        3 => proptest::sample::select(answers.to_vec()).prop_map(Step::Answer),
        1 => Just(Step::Deadline),
        2 => Just(Step::ReadBack),
        2 => Just(Step::Settle),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    /// No call is ever made on what was true only before the operation was asked for, or before our own last write.
    #[test]
    fn no_call_on_what_was_true_before(steps in proptest::collection::vec(step(), 1..80)) {
        let mut history = History::new();
        for step in steps {
            history.play(step)?;
        }
    }
}

/// The histories are worth something: many of them act.
#[test]
fn many_histories_act() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let steps = proptest::collection::vec(step(), 80..81);
    let acted = (0..200).filter(|_| {
        let mut history = History::new();
        let drawn = steps.new_tree(&mut runner).unwrap().current();
        drawn.into_iter().for_each(|step| history.play(step).unwrap());
        history.calls > 0
    });
    assert!(acted.count() > 100);
}
