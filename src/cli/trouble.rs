//! What needs a person, out of a report and an error: one failure, and each thing once.

use kusto_copy_driver::{DatabaseReport, Report, TableReport};

use super::exit::Failure;

/// So many things are told one by one.
const MOST: usize = 20;

/// The failure of a run that ended so. An error that the report tells as well is not told twice.
pub(crate) fn told(report: &Report, error: Option<Failure>) -> Failure {
    let databases: Vec<String> = report.databases.iter().filter_map(of_database).collect();
    let tables: Vec<String> = report.tables.iter().filter_map(of_table).collect();
    let counts = (databases.len(), tables.len());
    let mut items = databases;
    items.extend(tables);
    if let Some(error) = error {
        let is_told = items.iter().any(|item| item.contains(&error.message));
        if !is_told || items.len() == 1 {
            return error;
        }
    }
    let remedy = match items.as_slice() {
        [] => {
            return Failure::new("the copy ended before it was complete")
                .remedy("start it again with the same lake: it goes on from there");
        }
        [one] => return Failure::new(one).remedy(remedy("the message names")),
        [_, _, ..] => remedy("each of these names"),
    };
    if items.len() > MOST {
        let more = items.len() - MOST;
        items.truncate(MOST);
        items.push(format!("and {more} more, which `kusto-copy status` shows"));
    }
    Failure::new(heading(counts)).items(items).remedy(remedy)
}

fn remedy(what: &str) -> String {
    format!("correct what {what}, then start again with the same lake; the other tables are safe")
}

fn heading(counts: (usize, usize)) -> String {
    match counts {
        (databases, 0) => format!("{databases} databases cannot be copied"),
        (0, tables) => format!("{tables} tables are held"),
        (1, 1) => "a database cannot be copied, and a table is held".to_owned(),
        (1, tables) => format!("a database cannot be copied, and {tables} tables are held"),
        (databases, 1) => format!("{databases} databases cannot be copied, and a table is held"),
        (databases, tables) => {
            format!("{databases} databases cannot be copied, and {tables} tables are held")
        }
    }
}

fn of_database(database: &DatabaseReport) -> Option<String> {
    let error = database.error.as_ref()?;
    Some(format!(
        "database '{}' cannot be copied: {error}",
        database.source
    ))
}

fn of_table(table: &TableReport) -> Option<String> {
    let error = table.error.as_ref()?;
    Some(format!("table '{}' is held: {error}", table.table))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, error: Option<&str>) -> TableReport {
        TableReport {
            table: name.to_owned(),
            error: error.map(str::to_owned),
            ..TableReport::default()
        }
    }

    fn database(name: &str, error: &str) -> DatabaseReport {
        DatabaseReport {
            source: name.to_owned(),
            error: Some(error.to_owned()),
            ..DatabaseReport::default()
        }
    }

    #[test]
    fn one_thing_is_one_sentence_and_several_are_a_list() {
        let mut report = Report {
            tables: vec![table("A", None), table("B", Some("two columns differ"))],
            ..Report::default()
        };
        let one = told(&report, None);
        assert_eq!(one.message, "table 'B' is held: two columns differ");
        assert!(one.items.is_empty());
        report.tables.push(table("C", Some("x")));
        let two = told(&report, None);
        assert_eq!(two.message, "2 tables are held");
        assert_eq!(
            two.items,
            [
                "table 'B' is held: two columns differ",
                "table 'C' is held: x"
            ]
        );
        assert!(two.remedy.is_some());
        report
            .databases
            .push(database("D", "it is gone; create it"));
        assert_eq!(
            told(&report, None).message,
            "a database cannot be copied, and 2 tables are held"
        );
    }

    #[test]
    fn an_error_is_told_once_with_all_that_stands_beside_it() {
        let error = || Failure::new("it is gone").remedy("create it");
        assert_eq!(told(&Report::default(), Some(error())), error());
        let mut report = Report {
            databases: vec![database("D", "it is gone; create it")],
            ..Report::default()
        };
        assert_eq!(told(&report, Some(error())), error());
        report.databases.push(database("E", "no table; make one"));
        let both = told(&report, Some(error()));
        assert_eq!(both.message, "2 databases cannot be copied");
        assert_eq!(both.items.len(), 2);
        let another = Failure::new("the disk is full");
        assert_eq!(told(&report, Some(another.clone())), another);
    }

    #[test]
    fn a_long_list_is_cut() {
        let report = Report {
            tables: (0..30).map(|n| table(&n.to_string(), Some("x"))).collect(),
            ..Report::default()
        };
        let failure = told(&report, None);
        assert_eq!(failure.items.len(), MOST + 1);
        assert_eq!(
            failure.items.last().map(String::as_str),
            Some("and 10 more, which `kusto-copy status` shows")
        );
    }
}
