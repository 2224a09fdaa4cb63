//! The queue on a real Redis. Every test has a server of its own and waits for conditions, never for a time to pass.
//!
//! `cfg(test)` says to clippy what is known anyway: helpers here may panic.

#[cfg(test)]
mod apart;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod failure;
#[cfg(test)]
mod inbox;
#[cfg(test)]
mod log;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod publish;
#[cfg(test)]
mod scale;
#[cfg(test)]
mod stop;
#[cfg(test)]
mod world;
