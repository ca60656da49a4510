#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chartmesh_fuzz::protocol::identity(bytes));
