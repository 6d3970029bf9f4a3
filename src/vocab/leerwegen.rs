//! Leerwegen of the vmbo with the level that is expected after them, and sectors of education with the order in which CBS
//! lets them go first at a double enrolment (`domain.md` §2.1, §3.1).

/// Leerwegen and the level of mbo that follows on them ("passend diploma", DUO).
pub const EXPECTED_LEVELS: &[(&str, u8)] =
    &[("PRO", 1), ("BB", 2), ("LWT", 2), ("KB", 3), ("GL", 4), ("GT", 4), ("TL", 4), ("HAVO", 4), ("VWO", 4)];

/// The level of mbo that is expected after a leerweg; `None` for a code that we don't know, such as the double codes BB/KB.
pub fn expected_level(leerweg: &str) -> Option<u8> {
    EXPECTED_LEVELS.iter().find(|(code, _)| *code == leerweg).map(|(_, level)| *level)
}

/// Sectors whose diploma is a startkwalificatie by itself, and that stand above every level of mbo that vmbo leads to.
pub const ABOVE_MBO: &[&str] = &["ho", "hbo", "wo", "havo", "vwo"];

/// The sector of mbo.
pub const MBO: &str = "mbo";

/// Track of an extraneus, who only sits the exam.
pub const EXTRANEUS: &str = "EX";
/// Track of the school-based route.
pub const BOL: &str = "BOL";

/// Sectors by the order in which one counts at a double enrolment: ho, mbo, vo, vavo, (v)so, (s)bo.
pub const SECTOR_ORDER: &[(&str, u8)] = &[
    ("ho", 0),
    ("hbo", 0),
    ("wo", 0),
    (MBO, 1),
    ("vo", 2),
    ("vwo", 2),
    ("havo", 2),
    ("vmbo", 2),
    ("pro", 2),
    ("vavo", 3),
    ("vso", 4),
    ("so", 4),
    ("bo", 5),
    ("sbo", 5),
];
/// Order of an mbo enrolment as extraneus: behind all sectors that CBS names.
pub const EXTRANEUS_ORDER: u8 = 6;
/// Order of a sector that CBS does not name.
pub const OTHER_ORDER: u8 = 7;

/// Which enrolment goes first: the smaller number.
pub fn order(sector: &str, track: &str) -> u8 {
    if sector == MBO && track == EXTRANEUS {
        return EXTRANEUS_ORDER;
    }
    SECTOR_ORDER.iter().find(|(code, _)| *code == sector).map_or(OTHER_ORDER, |(_, order)| *order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn higher_education_goes_first_and_an_extraneus_last() {
        let orders = [order("ho", ""), order("mbo", "BOL"), order("havo", ""), order("vavo", ""), order("mbo", "EX")];
        assert!(orders.windows(2).all(|w| w[0] < w[1]), "{orders:?}");
        assert!(order("mbo", "EX") < order("elders", ""));
    }

    #[test]
    fn a_double_code_has_no_expected_level() {
        assert_eq!([expected_level("BB"), expected_level("KB"), expected_level("BB/KB")], [Some(2), Some(3), None]);
    }
}
