//! Evidence from the outside: what is written holds, what is changed is told,
//! and no end of the process makes it look tampered.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod log;
#[cfg(test)]
mod script;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tampering;
