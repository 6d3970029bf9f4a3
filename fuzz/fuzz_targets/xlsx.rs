#![no_main]

use libfuzzer_sys::fuzz_target;
use lob_effect::study::file::Format;
use lob_effect_fuzz::read;

fuzz_target!(|bytes: &[u8]| read(bytes, "seed.xlsx", Format::Xlsx, None));
