#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| lockgate::fuzzing::constraint(data));
