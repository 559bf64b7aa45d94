//! Whole commands, among them every text of the command reference.

use serde_json::Value;

use crate::{
    Command, CommandError, DatabaseCommand, DropExtents, ExtentScope, MappingCommand, MoveSource,
    Parsed, PolicyCommand, PolicyEntity, PolicyKind, PolicyValue, Show, TableCommand, TagChange,
    is_command, parse,
};

fn parsed(text: &str) -> Parsed {
    match parse(text) {
        Ok(parsed) => parsed,
        Err(error) => panic!("{error}: {text}"),
    }
}

fn command(text: &str) -> Command {
    parsed(text).command
}

/// Every text of the command reference, if the reference is at hand, has the kind that Microsoft's
/// parser gives it.
#[test]
fn the_command_reference_is_read_with_the_kinds_of_microsofts_parser() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/kqlcheck/commands.jsonl"
    );
    let Ok(lines) = std::fs::read_to_string(path) else {
        return;
    };
    let mut commands = 0;
    for line in lines.lines() {
        let entry: Value = serde_json::from_str(line).expect("the reference is JSON lines");
        let (Some(text), Some(kind)) = (entry["text"].as_str(), entry["expect"].as_str()) else {
            continue;
        };
        assert_eq!(is_command(text), kind != "Query", "{text}");
        if is_command(text) {
            assert_eq!(command(text).kind(), kind, "{text}");
            commands += 1;
        }
    }
    assert!(commands > 30, "{commands} commands");
}

/// Commands that the reference does not have, and their kinds.
const KINDS: &[(&str, &str)] = &[
    (".show table T cslschema", "ShowTableCslSchema"),
    (".show table T schema as json", "ShowTableSchemaAsJson"),
    (".show table T details", "ShowTableDetails"),
    (".show databases", "ShowClusterDatabases"),
    (".show database schema as json", "ShowDatabaseSchemaAsJson"),
    (
        ".show database D schema as csl script",
        "ShowDatabaseSchemaAsCslScript",
    ),
    (".show database D policy merge", "ShowDatabasePolicyMerge"),
    (".show cluster", "ShowCluster"),
    (".show cluster extents", "ShowClusterExtents"),
    (
        ".show table T ingestion csv mappings",
        "ShowTableIngestionMappings",
    ),
    (
        ".show table T ingestion mapping 'm'",
        "ShowTableIngestionMapping",
    ),
    (
        ".show database D ingestion mappings",
        "ShowDatabaseIngestionMappings",
    ),
    (".show capacity data-export", "ShowCapacity"),
    (".show ingestion failures", "ShowIngestionFailures"),
    (".create database D volatile", "CreateDatabase"),
    (".drop database D", "DetachDatabase"),
    (
        ".alter database D prettyname 'x'",
        "AlterDatabasePrettyName",
    ),
    (".create-merge table T (a:long)", "CreateMergeTable"),
    (
        ".create tables T (a:long), U (b:int) with (folder='f')",
        "CreateTables",
    ),
    (".alter table T (a:long)", "AlterTable"),
    (".alter table T docstring 'd'", "AlterTableDocString"),
    (
        ".alter-merge table T column-docstrings (a:'x')",
        "AlterMergeTableColumnDocStrings",
    ),
    (".alter column T.a type=string", "AlterColumnType"),
    (
        ".alter column T.a policy encoding type='BigObject'",
        "AlterColumnPolicyEncoding",
    ),
    (".drop table T", "DropTable"),
    (".drop table T ifexists", "DropTable"),
    (".drop table T columns (a, ['b c'])", "DropTableColumns"),
    (".drop column T.a", "DropTableColumns"),
    (".rename table T to U", "RenameTable"),
    (".rename tables A=B, B=A", "RenameTables"),
    (".rename column T.a to b", "RenameColumn"),
    (".clear table T data", "ClearTableData"),
    (
        ".create function F(a:long) { T | where x == a }",
        "CreateFunction",
    ),
    (
        ".create-or-alter function with (folder='f') F() { T }",
        "CreateOrAlterFunction",
    ),
    (".alter function F folder 'x'", "AlterFunctionFolder"),
    (".drop functions (F, G) ifexists", "DropFunctions"),
    (".delete table T policy update", "DeleteTablePolicyUpdate"),
    (
        ".alter table T policy caching hot = 30d",
        "AlterTablePolicyCaching",
    ),
    (
        ".alter database D policy retention '{}'",
        "AlterDatabasePolicyRetention",
    ),
    (
        ".alter tables (T, U) policy merge '{}'",
        "AlterTablesPolicyMerge",
    ),
    (
        ".drop table T ingestion csv mapping 'm'",
        "DropTableIngestionMapping",
    ),
    (".ingest inline into table T <| 1", "IngestInlineIntoTable"),
    (".set-or-append async T <| U", "SetOrAppendTable"),
    (
        ".move extents all from table A to table B",
        "MoveExtentsFrom",
    ),
    (
        ".move extents to table B <| .show table A extents",
        "MoveExtentsQuery",
    ),
    (".drop extents from T", "DropExtents"),
    (".drop extents from all tables", "DropExtents"),
    (".drop extents older 10 days from T", "DropExtents"),
    (
        ".alter-merge table T extent tags ('a') <| .show table T extents",
        "AlterMergeExtentTagsFromQuery",
    ),
    (
        ".alter async table T extent tags ('a') <| .show table T extents",
        "AlterExtentTagsFromQuery",
    ),
    (
        ".drop table T extent tags <| .show table T extents",
        "DropExtentTagsFromQuery",
    ),
    (
        ".cancel operation 5b0a7f9e-1111-4a11-9111-000000000001 with (reason='x')",
        "CancelOperation",
    ),
];

#[test]
fn kinds_of_the_other_commands() {
    for (text, kind) in KINDS {
        assert_eq!(command(text).kind(), *kind, "{text}");
    }
}

#[test]
fn a_pipeline_follows_the_first_pipe_after_the_command() {
    let text = ".show table ['a|b'] extents where tags has 'x|y' // |\n | where A == '|' | count";
    let parsed = parsed(text);
    assert_eq!(parsed.pipeline.as_deref(), Some("where A == '|' | count"));
    let Command::Show(Show::Extents(show)) = parsed.command else {
        panic!("it shows extents");
    };
    assert_eq!(show.scope, ExtentScope::Tables(vec!["a|b".to_string()]));
    assert_eq!(show.filters[0].tag, "x|y");
}

#[test]
fn an_ingestion_keeps_its_sources_secret() {
    let text = ".ingest async into table ['a b'] (h'https://x/y.csv.gz?sig=hush', 'p;hush') \
                with (format='csv', tags='[\"t\"]', creationTime=datetime(2020-01-01))";
    let Command::Ingest(ingest) = command(text) else {
        panic!("it is an ingestion");
    };
    assert!(ingest.is_async);
    assert_eq!(ingest.sources[0].location(), "https://x/y.csv.gz");
    assert_eq!(ingest.sources[0].expose(), "https://x/y.csv.gz?sig=hush");
    assert_eq!(
        ingest.properties.datetime_text("creationTime"),
        Some("2020-01-01")
    );
    assert!(!format!("{ingest:?}").contains("hush"));
}

#[test]
fn inline_data_begins_after_the_input_mark() {
    let data = |text: &str| {
        let Command::IngestInline(inline) = command(text) else {
            panic!("it ingests inline: {text}");
        };
        inline.data
    };
    assert_eq!(
        data(".ingest inline into table T <|\n1,a\n 2,b\n"),
        "1,a\n 2,b\n"
    );
    assert_eq!(
        data(".ingest inline into table T with (format='csv') <| 1,|x"),
        "1,|x"
    );
    assert_eq!(data(".ingest inline into table T [1,a]"), "1,a");
}

#[test]
fn extents_are_moved_replaced_and_dropped_by_ids_and_queries() {
    let id = "5b0a7f9e-1111-4a11-9111-000000000001";
    let text = format!(
        ".move async extents from table A to table B with (setNewIngestionTime=true) ({id})"
    );
    let Command::MoveExtents(moved) = command(&text) else {
        panic!("it moves extents");
    };
    assert_eq!(
        moved.properties.boolean("setnewingestiontime"),
        Ok(Some(true))
    );
    assert!(matches!(&moved.source, MoveSource::Ids { ids, .. } if ids == &[id]));
    let text = ".replace extents in table B <| {.show table B extents where tags has '}'}, \
                {.show table A extents}";
    let Command::ReplaceExtents(replaced) = command(text) else {
        panic!("it replaces extents");
    };
    assert_eq!(
        replaced.drop_query,
        ".show table B extents where tags has '}'"
    );
    assert_eq!(replaced.move_query, ".show table A extents");
    assert_eq!(
        command(".drop extents whatif <| .show table A extents"),
        Command::DropExtents(DropExtents::Query {
            query: ".show table A extents".to_string(),
            what_if: true
        })
    );
}

#[test]
fn mappings_take_one_literal_as_name_and_the_rest_as_text() {
    let text = ".create table T ingestion json mapping 'm'\n'['\n'{\"Column\":\"a\"}'\n']'";
    let Command::Mapping(MappingCommand::Write { name, mapping, .. }) = command(text) else {
        panic!("it writes a mapping");
    };
    assert_eq!(
        (name.as_str(), mapping.as_str()),
        ("m", "[{\"Column\":\"a\"}]")
    );
}

#[test]
fn policies_are_read_in_their_own_forms() {
    let value = |text: &str| {
        let Command::Policy(PolicyCommand::Set { value, .. }) = command(text) else {
            panic!("it sets a policy: {text}");
        };
        value
    };
    assert_eq!(
        value(".alter table T policy ingestiontime true"),
        PolicyValue::Switch(true)
    );
    assert_eq!(
        value(".alter-merge table T policy retention softdelete = 10d recoverability = disabled"),
        PolicyValue::Retention {
            soft_delete: Some(8_640_000_000_000),
            recoverability: Some(false)
        }
    );
    assert_eq!(
        value(".alter table T policy row_level_security enable 'T | where a'"),
        PolicyValue::RowLevelSecurity {
            is_enabled: true,
            query: "T | where a".to_string()
        }
    );
    assert_eq!(
        value(".alter table T policy roworder (a asc, ['b c'] desc)"),
        PolicyValue::RowOrder(vec![("a".to_string(), true), ("b c".to_string(), false)])
    );
    assert_eq!(
        command(".show table ['D'].T policy update"),
        Command::Show(Show::Policy {
            entity: PolicyEntity::Table {
                database: Some("D".to_string()),
                table: "T".to_string()
            },
            policy: PolicyKind::Update
        })
    );
    assert!(matches!(
        parse(".alter table T policy merge '{'"),
        Err(CommandError::InvalidValue { .. })
    ));
}

#[test]
fn a_script_holds_its_commands_in_order() {
    let text = ".execute database script with (ThrowOnErrors=true) <|\n.create table T (a:long)\n\n\
                .drop table T extent tags ('x')";
    let Command::Script(script) = command(text) else {
        panic!("it is a script");
    };
    assert!(script.throw_on_errors && !script.continue_on_errors);
    assert_eq!(script.commands.len(), 2);
    for inner in &script.commands {
        parsed(inner);
    }
}

#[test]
fn tables_are_defined_with_types_and_without_doubles() {
    let text = ".create table ['a b'] (['x.y']:bool, d:datetime, e:decimal) with (docstring='d')";
    let Command::Table(TableCommand::Schema {
        tables, properties, ..
    }) = command(text)
    else {
        panic!("it creates a table");
    };
    assert_eq!(tables[0].name, "a b");
    assert_eq!(tables[0].columns[0].ty.name(), "bool");
    assert_eq!(properties.text("docstring"), Some("d"));
    for text in [
        ".create table T (a:long, a:int)",
        ".create table T (a:number)",
        ".create table T ()",
        ".create table ['a$b'] (a:long)",
        ".create table T (['']:long)",
        ".rename table T to ['__x']",
        ".create function ['a/b']() { 1 }",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_database_can_be_named_like_a_keyword_in_brackets() {
    assert_eq!(
        command(".create database ['schema'] volatile ifnotexists"),
        Command::Database(DatabaseCommand::Create {
            name: "schema".to_string(),
            persist: Vec::new(),
            if_not_exists: true
        })
    );
    assert!(matches!(
        command(".show database ['schema'] schema as json"),
        Command::Show(Show::DatabaseSchema { database: Some(name), .. }) if name == "schema"
    ));
}

#[test]
fn tags_are_dropped_by_value_or_by_query() {
    let Command::Tags(tags) = command(".drop async table T extent tags ('a', 'b')") else {
        panic!("it drops tags");
    };
    assert!(tags.is_async);
    assert_eq!(
        tags.change,
        TagChange::Drop {
            tags: vec!["a".to_string(), "b".to_string()]
        }
    );
}

#[test]
fn what_is_unknown_is_refused_by_name() {
    for (text, named) in [
        (".purge table T records <| where a", ".purge"),
        (".show external tables", ".show external"),
        (".export to table X <| T", ".export to table"),
        (".alter table T policy callout '{}'", "policy 'callout'"),
        (".undo drop table T", ".undo"),
        (".drop extents from T limit 10", "limit"),
    ] {
        let error = parse(text).expect_err("it is not supported");
        assert!(matches!(error, CommandError::Unsupported { .. }), "{text}");
        assert!(error.to_string().contains(named), "{error}");
        assert_eq!(error.code(), "SYN0002");
    }
}

#[test]
fn broken_texts_are_syntax_errors() {
    for text in [
        "",
        ".",
        "T | count",
        ".show tables |",
        ".show tables ; T",
        ".drop table T; .drop table U",
        ".move extents from table A to table B (1)",
        ".export to csv ('x')",
        ".ingest into table T ()",
        ".show operation x details",
        ".drop tables () ifexists",
        ".drop table T ifexists now",
    ] {
        assert!(
            matches!(parse(text), Err(CommandError::Syntax { .. })),
            "{text}: {:?}",
            parse(text)
        );
    }
}
