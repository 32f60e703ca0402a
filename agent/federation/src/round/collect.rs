//! An open round: what members are told, and what has come in.

use super::State;
use crate::{Answer, Excluded, Exclusion, Member, MemberId, Shape, Ticks, Update, privacy::FixedPoint, update::Bounds};

/// What members are told.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// Which round, from 1.
    pub round: u64,
    /// Which opening; never the same twice in a training.
    pub attempt: u64,
    /// The model so far.
    pub parameters: Vec<f64>,
    /// What an update must look like.
    pub shape: Shape,
    /// Noise to add before answering.
    pub noise: Option<FixedPoint>,
    /// Tick of the opening.
    pub opened_tick: u64,
    /// Last tick at which an answer counts.
    pub last_tick: u64,
}

/// Why an answer was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// No member of this training.
    #[error("{member} is no member of this training")]
    Unknown {
        /// Who answered.
        member: MemberId,
    },
    /// It has answered already, or was excluded before the round.
    #[error("{member} has nothing more to say in this round")]
    Settled {
        /// Who answered.
        member: MemberId,
    },
    /// The round no longer waits.
    #[error("{member} answered at tick {now_tick}, after {last_tick}")]
    Late {
        /// Who answered.
        member: MemberId,
        /// When.
        now_tick: u64,
        /// Last tick at which an answer counts.
        last_tick: u64,
    },
}

#[derive(Debug, Clone)]
enum Seat {
    Waiting,
    Usable(Update),
    Out(Exclusion),
}

/// A round that takes answers. Seats are in the order of the members' names, whoever answers first.
#[derive(Debug, Clone)]
pub struct OpenRound {
    opened: Opened,
    bounds: Bounds,
    seats: Vec<(MemberId, Seat)>,
    waited_ticks: u64,
}

impl OpenRound {
    pub(super) fn new(state: &State, now_tick: u64) -> Self {
        let State { settings, standings, .. } = state;
        let seats = standings.iter().map(|standing| {
            let seat = match standing.excluded {
                true if standing.bad_rounds == 0 => Seat::Out(Exclusion::Earlier),
                true => Seat::Out(Exclusion::Reputation { bad_rounds: standing.bad_rounds }),
                false => Seat::Waiting,
            };
            (standing.member.clone(), seat)
        });
        Self {
            opened: Opened {
                round: state.round + 1,
                attempt: state.attempt,
                parameters: state.parameters.clone(),
                shape: state.shape,
                noise: settings.noise,
                opened_tick: now_tick,
                last_tick: now_tick.saturating_add(settings.wait_ticks_max),
            },
            bounds: Bounds { norm_max: settings.norm_max, records_max: settings.records_max },
            seats: seats.collect(),
            waited_ticks: 0,
        }
    }

    /// What members are told.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Members that may still answer.
    pub fn waiting(&self) -> impl Iterator<Item = &MemberId> {
        self.seats.iter().filter(|(_, seat)| matches!(seat, Seat::Waiting)).map(|(member, _)| member)
    }

    /// Takes a member's answer. An update that is not usable excludes it from the round, by name.
    ///
    /// # Errors
    /// If nothing is expected from it; the round is as it was.
    pub fn receive(&mut self, member: &MemberId, answer: Answer, now_tick: u64) -> Result<(), ReceiveError> {
        let seat = match self.seats.binary_search_by(|(name, _)| name.cmp(member)) {
            Ok(found) => &mut self.seats[found].1,
            Err(_) => return Err(ReceiveError::Unknown { member: member.clone() }),
        };
        if !matches!(seat, Seat::Waiting) {
            return Err(ReceiveError::Settled { member: member.clone() });
        }
        if now_tick > self.opened.last_tick {
            let last_tick = self.opened.last_tick;
            return Err(ReceiveError::Late { member: member.clone(), now_tick, last_tick });
        }
        *seat = match answer {
            Answer::NotYet => return Ok(()),
            Answer::Failed(failure) => Seat::Out(Exclusion::Failed { failure }),
            Answer::Update(update) => match update.inspect(self.opened.shape, self.bounds) {
                Ok(()) => Seat::Usable(update),
                Err(why) => Seat::Out(why),
            },
        };
        self.waited_ticks = self.waited_ticks.max(now_tick.saturating_sub(self.opened.opened_tick));
        Ok(())
    }

    /// Asks members at every tick until all have answered or the round no longer waits: at most `wait_ticks_max + 1`
    /// times each. Who is not on the list of this training is not asked.
    pub fn collect<M: Member>(&mut self, members: &mut [M], ticks: &mut dyn Ticks) {
        let mut now = self.opened.opened_tick;
        loop {
            for member in members.iter_mut() {
                let id = member.id().clone();
                if self.seats.binary_search_by(|(name, _)| name.cmp(&id)).is_ok_and(|seat| self.is_waiting(seat)) {
                    let answer = member.answer(&self.opened, now);
                    // Cannot fail: the seat waits, and `now` is within the round.
                    let _ = self.receive(&id, answer, now);
                }
            }
            if now >= self.opened.last_tick || self.waiting().next().is_none() {
                break;
            }
            // A source of ticks that stands still must not hold the round for ever.
            now = ticks.next().max(now + 1);
            if now > self.opened.last_tick {
                break;
            }
        }
        if self.waiting().next().is_some() {
            self.waited_ticks = self.opened.last_tick - self.opened.opened_tick;
        }
    }

    fn is_waiting(&self, seat: usize) -> bool {
        self.seats.get(seat).is_some_and(|(_, seat)| matches!(seat, Seat::Waiting))
    }

    /// Usable updates by place in the list of members, the others by name, and the ticks waited.
    pub(super) fn into_parts(self) -> (Opened, Vec<(usize, Update)>, Vec<Excluded>, u64) {
        let waited_ticks = self.opened.last_tick - self.opened.opened_tick;
        let (mut usable, mut excluded) = (Vec::new(), Vec::new());
        for (place, (member, seat)) in self.seats.into_iter().enumerate() {
            match seat {
                Seat::Usable(update) => usable.push((place, update)),
                Seat::Out(why) => excluded.push(Excluded { member, why }),
                Seat::Waiting => excluded.push(Excluded { member, why: Exclusion::Late { waited_ticks } }),
            }
        }
        (self.opened, usable, excluded, self.waited_ticks)
    }
}

impl<M: Member + ?Sized> Member for Box<M> {
    fn id(&self) -> &MemberId {
        (**self).id()
    }

    fn answer(&mut self, opened: &Opened, now_tick: u64) -> Answer {
        (**self).answer(opened, now_tick)
    }
}

impl<M: Member + ?Sized> Member for &mut M {
    fn id(&self) -> &MemberId {
        (**self).id()
    }

    fn answer(&mut self, opened: &Opened, now_tick: u64) -> Answer {
        (**self).answer(opened, now_tick)
    }
}
