//! The risk model in force.

use super::{Agent, AgentError, policy_files::InForce};
use crate::risk::Choice;
use quaestor_core::{BlockRef, Policy, RiskModel};

impl Agent {
    /// The model with which the policy forecasts at `block`. That it is not the one that the policy names is told and
    /// written down once, until that changes.
    pub(super) fn model_at(&mut self, held: &InForce, block: BlockRef) -> Result<Choice, AgentError> {
        let choice = self.models.choose(&held.policy.terms().risk, block.timestamp);
        let alarm = choice.alarm();
        let said = alarm.clone().or_else(|| Some(format!("model {} in force", choice.model()?.hash())));
        if said == self.model_told {
            return Ok(choice);
        }
        match (alarm, &said) {
            (Some(alarm), _) => self.alarm(alarm)?,
            (None, said) => {
                tracing::info!("{}", said.as_deref().unwrap_or_default());
                // What comes back after it was gone is told anew when it goes again.
                if self.last_alarm == self.model_told {
                    self.last_alarm = None;
                }
            }
        }
        self.model_told = said;
        Ok(choice)
    }
}
