//! Do the checks see what is wrong, and hold still where nothing is? Regions with a planted truth are run with
//! `--robustness`; the same region with and without something hidden must be judged differently.

use lob_effect::effects::robustness::{CHECKS, Effort, Evidence, Robustness, Verdict};
use lob_effect::ingest::Silence;
use lob_effect::models;
use lob_effect::run::compute_with;
use lob_effect::simulate::{RegionSpec, Scenario, simulate, write_region};
use lob_effect::study::Study;
use lob_effect::study::template::TEMPLATE;

const SMALL: Effort = Effort { seed: 1, permutations: 199, replicates: 12 };

/// The checks of the model of `uitval_jr1`, and what the models of other kinds got.
fn checked(scenario: Scenario, schools: u32, seed: u64) -> (Robustness, Robustness) {
    let plain =
        RegionSpec { schools, cohorts: 4, pupils: 90 * schools, seed, missing_ses: 0.0, ..RegionSpec::default() };
    let dir = tempfile::tempdir().expect("a temporary folder");
    write_region(&simulate(&scenario.plant(plain)), dir.path()).expect("the region is written");
    let study = Study::parse(TEMPLATE, &models::kinds()).expect("the template is a study");
    let computed = compute_with(&study, dir.path(), Some(SMALL), &Silence).expect("the region can be read");
    let of = |outcome: &str| {
        let position = computed.models.iter().position(|(f, _)| f.entry.outcome == outcome);
        computed.checks[position.expect("a model of the outcome")].clone()
    };
    (of("uitval_jr1"), of("uitval_vmbo"))
}

fn verdict(found: &Robustness, check: &str, code: &str) -> Verdict {
    let spec = found.specifications.iter().find(|s| s.check == check && s.code == code);
    spec.unwrap_or_else(|| panic!("no {check} {code}")).verdict
}

#[test]
fn a_plain_region_stands_and_every_check_has_an_answer_or_a_reason() {
    // Where nothing is hidden a check still fails by chance in one region of twenty; this is not one of those.
    let (found, hazard) = checked(Scenario::Plain, 30, 6);
    for check in CHECKS {
        assert!(found.specifications.iter().any(|s| s.check == check.id), "{} says nothing", check.id);
        let of_hazard: Vec<_> = hazard.specifications.iter().filter(|s| s.check == check.id).collect();
        assert!(of_hazard.iter().all(|s| matches!(s.verdict, Verdict::NotPossible(_))), "{}", check.id);
    }
    for s in &found.specifications {
        println!("{} {:24} {:?} {:?}", s.check, s.code, s.estimate, s.verdict);
        assert_eq!(s.estimate.is_none(), matches!(s.verdict, Verdict::NotPossible(_)), "{} {}", s.check, s.code);
        assert!(s.estimate.is_none_or(|e| e.value.is_finite()));
    }
    let passed = [
        ("R1", "fixed_effects"),
        ("R2", "partially_linear"),
        ("R2", "binned_aipw"),
        ("R5", "capped_p99"),
        ("R6", "coverage_60"),
        ("R7", "quadrature"),
        ("F5", "null"),
        ("F5", "one_point"),
    ];
    for (check, code) in passed {
        assert_eq!(verdict(&found, check, code), Verdict::Passed, "{check} {code}");
    }
    assert_ne!(verdict(&found, "F1", "verzuim_lj2_within"), Verdict::Failed);
    assert_eq!(hazard.evidence(), Evidence::Standing);
}

#[test]
fn hidden_motivation_is_seen_by_the_negative_control() {
    let (found, _) = checked(Scenario::ConfoundedMotivation, 30, 5);
    assert_eq!(verdict(&found, "F1", "verzuim_lj2_within"), Verdict::Failed);
    let Evidence::Lowered(checks) = found.evidence() else { panic!("nothing failed") };
    assert!(checks.contains(&"F1"), "{checks:?}");
}
