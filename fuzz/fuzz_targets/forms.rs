#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rhttp::fuzzing::forms(data));
