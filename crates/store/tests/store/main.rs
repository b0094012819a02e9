//! The promises of the store, kept on a real disk.

#[cfg(test)]
mod append;
#[cfg(test)]
mod compact;
#[cfg(test)]
mod copy;
#[cfg(test)]
mod keep;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod migrate;
#[cfg(test)]
mod preview;
#[cfg(test)]
mod refusal;
#[cfg(test)]
mod repair;
#[cfg(test)]
mod stop;
#[cfg(test)]
mod town;
