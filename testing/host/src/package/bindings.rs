//! One `function.json`: what starts the function and where its outputs go.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::schedule::Schedule;

/// A function of the app.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its folder's name, and its path at the handler.
    pub name: String,
    /// What starts it.
    pub trigger: Trigger,
    /// Its bindings of direction `out`.
    pub outputs: Vec<Output>,
    /// Whether it has further inputs, which keeps the host from forwarding HTTP requests.
    has_other_inputs: bool,
}

/// What starts a function; each has the name under which the handler finds its data.
#[derive(Debug, Clone)]
pub enum Trigger {
    /// A schedule.
    Timer {
        /// Name of the binding.
        name: String,
        /// When it fires.
        schedule: Schedule,
        /// Whether the host remembers when it fired last.
        monitored: bool,
    },
    /// A message in a queue.
    Queue {
        /// Name of the binding.
        name: String,
        /// The queue.
        queue: String,
    },
    /// A request.
    Http {
        /// Name of the binding.
        name: String,
        /// Path after the prefix; the function's name unless given.
        route: String,
        /// Allowed methods in capitals; empty means all.
        methods: Vec<String>,
    },
}

/// Where a value of `Outputs` goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The answer to an HTTP request.
    Http {
        /// Name of the binding.
        name: String,
    },
    /// A new message of a queue.
    Queue {
        /// Name of the binding.
        name: String,
        /// The queue.
        queue: String,
    },
}

impl Function {
    pub(super) fn read(
        name: &str,
        json: &Value,
        settings: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let bindings = json
            .get("bindings")
            .and_then(Value::as_array)
            .ok_or("\"bindings\" is missing")?;
        let mut triggers = Vec::new();
        let mut outputs = Vec::new();
        let mut has_other_inputs = false;
        for binding in bindings {
            let field = Fields { binding, settings };
            let kind = field.required("type")?;
            if binding.get("direction").and_then(Value::as_str) == Some("out") {
                outputs.push(output(&kind, &field)?);
            } else if kind.ends_with("Trigger") {
                triggers.push(trigger(name, &kind, &field)?);
            } else {
                has_other_inputs = true;
            }
        }
        match <[Trigger; 1]>::try_from(triggers) {
            Ok([trigger]) => Ok(Self {
                name: name.to_owned(),
                trigger,
                outputs,
                has_other_inputs,
            }),
            Err(triggers) => Err(format!(
                "a function has one trigger, not {}",
                triggers.len()
            )),
        }
    }

    /// Whether the host hands it the original HTTP request, where forwarding is on: one HTTP
    /// trigger and one HTTP output, nothing else.
    #[must_use]
    pub fn may_be_forwarded(&self) -> bool {
        matches!(self.trigger, Trigger::Http { .. })
            && matches!(self.outputs.as_slice(), [Output::Http { .. }])
            && !self.has_other_inputs
    }
}

/// A binding's fields, with `%NAME%` replaced by app settings.
struct Fields<'a> {
    binding: &'a Value,
    settings: &'a BTreeMap<String, String>,
}

impl Fields<'_> {
    fn required(&self, key: &str) -> Result<String, String> {
        let text = self
            .binding
            .get(key)
            .and_then(Value::as_str)
            .ok_or_else(|| format!("a binding lacks {key:?}"))?;
        self.resolved(text)
    }

    /// Replaces every `%NAME%`.
    fn resolved(&self, text: &str) -> Result<String, String> {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            let Some((setting, after)) = after.split_once('%') else {
                break;
            };
            let value = self
                .settings
                .get(setting)
                .ok_or_else(|| format!("there is no app setting {setting:?} for {text:?}"))?;
            result.push_str(before);
            result.push_str(value);
            rest = after;
        }
        result.push_str(rest);
        Ok(result)
    }
}

fn trigger(function: &str, kind: &str, field: &Fields<'_>) -> Result<Trigger, String> {
    let name = field.required("name")?;
    match kind {
        "timerTrigger" => {
            let schedule = Schedule::parse(&field.required("schedule")?)?;
            let asked = field.binding.get("useMonitor").and_then(Value::as_bool);
            Ok(Trigger::Timer {
                name,
                monitored: asked.unwrap_or(true) && !schedule.is_more_often_than_a_minute(),
                schedule,
            })
        }
        "queueTrigger" => Ok(Trigger::Queue {
            name,
            queue: field.required("queueName")?,
        }),
        "httpTrigger" => {
            let route = match field.binding.get("route").and_then(Value::as_str) {
                Some(route) => field.resolved(route)?,
                None => function.to_owned(),
            };
            let methods = field.binding.get("methods").and_then(Value::as_array);
            let methods = methods.into_iter().flatten().filter_map(Value::as_str);
            Ok(Trigger::Http {
                name,
                route: route.trim_matches('/').to_owned(),
                methods: methods.map(str::to_uppercase).collect(),
            })
        }
        other => Err(format!("the stand-in knows no trigger {other:?}")),
    }
}

fn output(kind: &str, field: &Fields<'_>) -> Result<Output, String> {
    let name = field.required("name")?;
    match kind {
        "http" => Ok(Output::Http { name }),
        "queue" => Ok(Output::Queue {
            name,
            queue: field.required("queueName")?,
        }),
        other => Err(format!("the stand-in knows no output {other:?}")),
    }
}
