//! The canonical text of a schedule.

use std::fmt::{self, Display, Formatter};

use super::window::write_days;
use super::{Repeat, Schedule};

impl Display for Schedule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.repeat {
            Repeat::Once(at) => write!(f, "once {}", at.format("%Y-%m-%d %H:%M"))?,
            Repeat::Daily(time) => write!(f, "daily {}", time.format("%H:%M"))?,
            Repeat::Weekdays(time) => write!(f, "weekdays {}", time.format("%H:%M"))?,
            Repeat::Weekly(days, time) => {
                f.write_str("weekly ")?;
                write_days(f, days)?;
                write!(f, " {}", time.format("%H:%M"))?;
            }
            Repeat::Every(minutes) => match minutes {
                minutes if minutes % (24 * 60) == 0 => write!(f, "every {}d", minutes / (24 * 60))?,
                minutes if minutes % 60 == 0 => write!(f, "every {}h", minutes / 60)?,
                minutes => write!(f, "every {minutes}m")?,
            },
            Repeat::Cron(cron) => write!(f, "cron {}", cron.as_str())?,
        }
        write!(f, " {}", self.zone)?;
        for (position, window) in self.except.iter().enumerate() {
            write!(f, "{}{window}", if position == 0 { " except " } else { "; " })?;
        }
        Ok(())
    }
}
