#![no_main]

use libfuzzer_sys::fuzz_target;
use lob_effect::models;
use lob_effect::study::Study;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(errors) = Study::parse(text, &models::kinds()) {
        assert!(!errors.is_empty());
        // Every error has a place inside the text and can be said.
        errors.iter().for_each(|e| assert!(!e.to_string().is_empty()));
    }
});
