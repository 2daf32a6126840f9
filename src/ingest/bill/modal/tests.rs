//! Reports of Modal with totals worked by hand.

use super::super::charge::QuantityUnit;
use super::super::columns::fixtures::{csv_table, json_table, read};
use super::FORMAT;
use crate::usage::PricingCategory;

const HOURS: &str = r#"object_id,description,environment_name,interval_start,cost,tags
ap-1,rag,main,2026-06-01T22:00:00+00:00,1.2500000001,"{""team"":""docs"",""environment"":""blue""}"
ap-1,rag,main,2026-06-02T00:00:00+00:00,0E-10,"{""team"":""docs"",""environment"":""blue""}"
ap-2,,dev,2026-06-01T22:00:00+00:00,3.75,{}
"#;

#[test]
fn hours_are_read_as_decimals() {
    let found = read(&FORMAT, &csv_table(HOURS));
    // 1.2500000001 + 0 + 3.75; Python writes a zero of ten decimals as 0E-10.
    assert_eq!(found.sums(), ("5.0000000001".to_owned(), "5.0000000001".to_owned()));
    assert_eq!(found.n_floats(), 0);
    assert_eq!(found.faults(), [""; 0]);
    assert_eq!(found.period(1), ("2026-06-02T00:00:00Z".to_owned(), 1.0));
    assert_eq!(found.quantities(), [None, None, None]);
    assert_eq!(found.format, "Modal billing report (by hour)");
    let line = &found.rows[0].line;
    assert_eq!(line.workload.as_deref(), Some("rag"));
    assert_eq!(line.resource_id.as_deref(), Some("ap-1"));
    assert_eq!((line.pricing, line.unit), (PricingCategory::Serverless, QuantityUnit::None));
    // A tag of the user wins over the column of the same meaning.
    assert_eq!(line.tags["environment"], "blue");
    assert_eq!(line.tags["team"], "docs");
    // An app without a name goes by its id.
    assert_eq!(found.rows[2].line.workload.as_deref(), Some("ap-2"));
    assert_eq!(found.rows[2].line.tags["environment"], "dev");
}

#[test]
fn the_command_line_writes_other_headers() {
    let table = csv_table(
        "Object ID,Description,Environment,Interval Start,Cost\n\
         ap-1,rag,main,2026-06-01T00:00:00,2.5\n\
         ap-1,rag,main,2026-06-08T00:00:00,2.5\n",
    );
    let found = read(&FORMAT, &table);
    assert_eq!(found.sums().0, "5.00");
    // Two days a week apart: no report is by week.
    assert_eq!(found.period(1), ("2026-06-08T00:00:00Z".to_owned(), 24.0));
    assert_eq!(found.format, "Modal billing report (by day)");
}

#[test]
fn json_is_the_same() {
    // Tags are JSON inside a text on the command line, and an object from the SDK.
    let table = json_table(
        r#"[
      {"object_id": "ap-1", "description": "rag", "environment": "main",
       "interval_start": "2026-06-01T00:00:00", "cost": "0.125", "tags": "{\"team\": \"docs\"}"},
      {"object_id": "ap-1", "description": "rag", "environment": "main",
       "interval_start": "2026-06-01T05:00:00+05:00", "cost": 0.5, "tags": {"team": "ops"},
        "cost_by_resource": {"cpu": "0.5"}}
    ]"#,
        &FORMAT,
    );
    let found = read(&FORMAT, &table);
    assert_eq!(found.sums().0, "0.625");
    assert_eq!(found.n_floats(), 1);
    assert_eq!(found.rows[0].line.tags["team"], "docs");
    assert_eq!(found.rows[1].line.tags["team"], "ops");
    // 05:00 at +05:00 is midnight of UTC, so that there is a single start.
    assert_eq!(found.period(1), ("2026-06-01T00:00:00Z".to_owned(), 24.0));
    assert_eq!(found.format, "Modal billing report (by day, assumed from a single start)");
    assert!(!found.used.iter().any(|it| it.starts_with("cost_by")));
}

#[test]
fn faulty_rows_name_their_column() {
    let table = csv_table(
        "object_id,description,environment_name,interval_start,cost,tags\n\
         ap-1,rag,main,2026-06-01,NaN,{}\n\
         ap-1,rag,main,2026-06-01,,{}\n\
         ap-1,rag,main,tomorrow,1.5,{}\n\
         ap-1,rag,main,2026-06-02,1.5,team=docs\n\
         ap-1,rag,main,2026-06-03,-1.5,{}\n",
    );
    let found = read(&FORMAT, &table);
    assert_eq!(
        found.faults(),
        [
            "1 cost: `NaN` is not a decimal amount",
            "2 cost: the cost is empty; an unknown cost is not zero",
            "3 interval_start: `tomorrow` is not a timestamp such as 2026-10-05T14:00:00Z",
            "4 tags: the tags are not a JSON object",
        ]
    );
    // The amounts of rows 3 and 4 could be read.
    assert!(found.rows[2..].iter().all(|it| it.parts.len() == 1));
    // A negative cost is a correction, and is kept.
    assert_eq!(found.sums().0, "-1.50");
    // An hour after days.
    let days = csv_table(
        "object_id,description,environment_name,interval_start,cost\n\
         ap-1,rag,main,2026-06-01,1\nap-1,rag,main,2026-06-02,1\n",
    );
    let hour = csv_table(
        "object_id,description,environment_name,interval_start,cost\n\
         ap-1,rag,main,2026-06-03T07:00:00,1\n",
    );
    let bound = (FORMAT.bind)(&days, "bill").unwrap();
    let line = bound.line(&[Some("ap-1"), Some("rag"), Some("main")]).unwrap();
    let mut out = super::Parts::default();
    let (_, reason) = bound.row(&hour, 0, &line.terms(), &mut out).unwrap_err();
    assert_eq!(
        reason,
        "2026-06-03T07:00:00Z does not begin an interval of a day, which the first rows are"
    );
}

#[test]
fn only_its_own_headers_fit() {
    let fits = |headers: &[&str]| {
        let headers: Vec<String> = headers.iter().map(|it| (*it).to_owned()).collect();
        (FORMAT.fits)(&headers)
    };
    assert!(fits(&["\u{feff}Object ID", "Description", "Environment", "Interval Start", "Cost"]));
    assert!(!fits(&["Description", "Environment", "Interval Start", "Cost"]));
    assert!(!fits(&["period_start", "workload", "cost", "environment"]));
    let twice = csv_table(
        "object_id,description,environment,environment_name,interval_start,cost\n\
         a,b,c,d,2026-06-01,1\n",
    );
    let error = (FORMAT.bind)(&twice, "bill").err().unwrap();
    assert_eq!(
        error.to_string(),
        "bill: the columns `environment` and `environment_name` both mean `environment`"
    );
}
