//! Quality of registration per school and cohort: the printed form of [`crate::panel::Registration`].

use super::{Query, lines};
use crate::study::file::Activities;

impl<'p> Query<'p> {
    /// The columns of the activities that are watched.
    pub(super) fn watched(&mut self, a: &'p Activities) -> Vec<String> {
        let mut columns = Vec::new();
        if !self.is_registration {
            return columns;
        }
        if let Some(entered) = &a.entered {
            let cell = self.sources.want(&a.source, entered);
            columns.push(format!("{} AS entered", self.day(&cell)));
        }
        if let Some(system) = &a.system {
            let cell = self.sources.want(&a.source, system);
            columns.push(format!("COALESCE({}, '') AS system", self.text(&cell)));
        }
        columns
    }

    /// The tables behind [`Query::select_registration`].
    pub(super) fn registration(&mut self, a: &Activities) {
        let (keys, by) = (self.keys().join(", "), "school, cohort");
        let of_groups = |what: &str, from: &str| format!("SELECT {by}, {what}\nFROM {from}\nGROUP BY {by}");
        let groups =
            format!("(SELECT {by}, 1 AS n FROM pupils UNION ALL SELECT DISTINCT {by}, 0 AS n FROM activities) AS u");
        self.cte("school_cohorts", "Schools and cohorts", of_groups("SUM(n) AS n_pupils", &groups));
        // Coverage is of the pupils of a school, wherever they were registered.
        let home = if self.plan.study.stays.is_some() { "home AS school" } else { "school" };
        let distinct = format!("(SELECT DISTINCT {keys}, {home}, cohort FROM activities) AS d");
        self.cte("reached", "Pupils with a registration", of_groups("COUNT(*) AS n_registered", &distinct));
        let lag = self.sql.days_between("dated", "entered");
        let over = |days: &str, name: &str| format!("COUNT(CASE WHEN {days} THEN 1 END) AS {name}");
        let mut counts = vec!["COUNT(*) AS n_registrations".to_string()];
        if a.entered.is_some() {
            counts.push("COUNT(entered) AS n_entered".into());
            counts.push(format!("CAST(SUM({lag}) AS DOUBLE) / COUNT(entered) AS mean_lag_days"));
            counts.push(over(&format!("{lag} > 30"), "n_over_30_days"));
            counts.push(over(&format!("{lag} > 90"), "n_over_90_days"));
            counts.push(over(&format!("{lag} < 0"), "n_before_activity"));
            let days = format!(
                "(SELECT {by}, COUNT(*) AS n FROM activities WHERE entered IS NOT NULL GROUP BY {by}, entered) AS e"
            );
            self.cte("busiest", "The busiest day of entry", of_groups("MAX(n) AS n", &days));
        }
        self.cte("counted", "Registrations and their lag", of_groups(&counts.join(",\n  "), "activities"));
        if a.system.is_some() {
            let body = format!(
                "SELECT {by}, system, n, SUM(n) OVER (PARTITION BY {by}) AS total,\n  \
                 ROW_NUMBER() OVER (PARTITION BY {by} ORDER BY n DESC, system) AS nth\n\
                 FROM (SELECT {by}, system, COUNT(*) AS n FROM activities GROUP BY {by}, system) AS s"
            );
            self.cte("systems", "Registrations per system, the main one first", body);
            let what = "MAX(CASE WHEN nth = 1 THEN system END) AS main_system,\n  \
                        MAX(CAST(n AS DOUBLE) / CAST(total AS DOUBLE)) AS main_system_share,\n  \
                        COUNT(CASE WHEN CAST(n AS DOUBLE) >= 1e-1 * CAST(total AS DOUBLE) THEN 1 END) AS n_systems";
            self.cte("main_systems", "The main system, and those with a tenth", of_groups(what, "systems"));
        }
    }

    /// The table of registration.
    pub(super) fn select_registration(&self, a: &Activities) -> String {
        let none = |kind: &str, name: &str| format!("CAST(NULL AS {kind}) AS {name}");
        let (number, whole) = ("DOUBLE", "BIGINT");
        let count = |name: &str| format!("COALESCE(n.{name}, 0) AS {name}");
        let mut columns = vec![
            "g.school AS school_id".into(),
            "g.cohort".into(),
            "CAST(g.n_pupils AS BIGINT) AS n_pupils".into(),
            "COALESCE(r.n_registered, 0) AS n_registered".into(),
            "CAST(COALESCE(r.n_registered, 0) AS DOUBLE) / NULLIF(g.n_pupils, 0) AS coverage".into(),
            count("n_registrations"),
        ];
        let mut joins = "\nLEFT JOIN reached AS r ON r.school = g.school AND r.cohort = g.cohort\
                         \nLEFT JOIN counted AS n ON n.school = g.school AND n.cohort = g.cohort"
            .to_string();
        if a.entered.is_some() {
            columns.extend([count("n_entered"), "n.mean_lag_days".into()]);
            columns.extend(["n_over_30_days", "n_over_90_days", "n_before_activity"].map(count));
            columns.push("CAST(b.n AS DOUBLE) / NULLIF(n.n_entered, 0) AS busiest_day_share".into());
            joins += "\nLEFT JOIN busiest AS b ON b.school = g.school AND b.cohort = g.cohort";
        } else {
            columns.extend([none(whole, "n_entered"), none(number, "mean_lag_days")]);
            columns.extend(["n_over_30_days", "n_over_90_days", "n_before_activity"].map(|name| none(whole, name)));
            columns.push(none(number, "busiest_day_share"));
        }
        if a.system.is_some() {
            columns.extend(["m.main_system", "m.main_system_share", "m.n_systems"].map(String::from));
            columns.push(
                "COALESCE(LAG(m.main_system) OVER (PARTITION BY g.school ORDER BY g.cohort) <> m.main_system, FALSE) \
                 AS system_switched"
                    .into(),
            );
            joins += "\nLEFT JOIN main_systems AS m ON m.school = g.school AND m.cohort = g.cohort";
        } else {
            columns.extend([
                none("VARCHAR", "main_system"),
                none(number, "main_system_share"),
                none(whole, "n_systems"),
            ]);
            columns.push("FALSE AS system_switched".into());
        }
        columns.push("CASE WHEN n.n_registrations IS NULL THEN 'not_measured' ELSE 'ok' END AS status".into());
        format!(
            "SELECT\n{}\nFROM school_cohorts AS g{joins}\nORDER BY g.school, g.cohort",
            lines(columns.into_iter(), ",")
        )
    }
}
