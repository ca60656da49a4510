//! Checks a resource against the tables: required elements, JSON types, the form of primitives.
//!
//! It goes through the resource's own elements and the data types below them; the inner structure of
//! backbone elements, value sets and invariants are left to whoever interprets the record. Elements
//! that R4 does not define are let through: the original bytes are kept, and a reader ignores them.

use serde_json::{Map, Value};

use super::FhirError;
use super::moment;
use super::path::Path;
use super::table::{self, Element, ResourceRule};

/// Checks one resource.
pub(super) fn validate(
    resource: &Map<String, Value>,
    rule: &ResourceRule,
    path: &Path<'_>,
) -> Result<(), FhirError> {
    elements(resource, table::common(), path)?;
    elements(resource, &rule.elements, path)
}

fn elements(
    object: &Map<String, Value>,
    rules: &[Element],
    path: &Path<'_>,
) -> Result<(), FhirError> {
    for rule in rules {
        let mut found = 0_usize;
        for (datatype, key) in &rule.types {
            // A reference to several targets names its type once; only a choice has several keys.
            if let Some(value) = object.get(key) {
                found += 1;
                repeated(value, datatype, rule.many, &path.name(key))?;
            } else if object.get(&format!("_{key}")).is_some_and(Value::is_object)
                || object.get(&format!("_{key}")).is_some_and(Value::is_array)
            {
                // A primitive may be replaced by an extension that says why it is missing.
                found += 1;
            }
            if !rule.choice {
                break;
            }
        }
        let name = if rule.choice { format!("{}[x]", rule.name) } else { String::new() };
        let name = if rule.choice { name.as_str() } else { rule.name };
        if found == 0 && rule.required {
            return Err(FhirError::Missing { path: path.name(name).to_string() });
        }
        if found > 1 {
            return Err(FhirError::SeveralChoices { path: path.name(name).to_string() });
        }
    }
    Ok(())
}

fn repeated(value: &Value, datatype: &str, many: bool, path: &Path<'_>) -> Result<(), FhirError> {
    if !many {
        return single(value, datatype, path);
    }
    let Value::Array(items) = value else {
        return Err(wrong(path, "an array"));
    };
    if items.is_empty() {
        return Err(wrong(path, "an array that is not empty"));
    }
    for (index, item) in items.iter().enumerate() {
        // In an array of primitives null keeps the place of an extension.
        if !(item.is_null() && primitive(datatype)) {
            single(item, datatype, &path.index(index))?;
        }
    }
    Ok(())
}

fn primitive(datatype: &str) -> bool {
    datatype.starts_with(|c: char| c.is_ascii_lowercase())
}

fn single(value: &Value, datatype: &str, path: &Path<'_>) -> Result<(), FhirError> {
    match datatype {
        "boolean" => expect(value.is_boolean(), path, "true or false"),
        "decimal" => expect(value.is_number(), path, "a number"),
        "integer" | "unsignedInt" | "positiveInt" => whole_number(value, datatype, path),
        _ if primitive(datatype) => text(value, datatype, path),
        _ => {
            let Value::Object(object) = value else {
                return Err(wrong(path, "an object"));
            };
            if object.is_empty() {
                return Err(wrong(path, "an object that is not empty"));
            }
            match table::datatype(datatype) {
                Some(rules) => elements(object, rules, path),
                None => Ok(()),
            }
        }
    }
}

fn whole_number(value: &Value, datatype: &str, path: &Path<'_>) -> Result<(), FhirError> {
    expect(value.is_number(), path, "a whole number")?;
    let (min, name) = match datatype {
        "unsignedInt" => (0, "unsignedInt"),
        "positiveInt" => (1, "positiveInt"),
        _ => (i64::from(i32::MIN), "integer"),
    };
    let right = value.as_i64().is_some_and(|n| n >= min && n <= i64::from(i32::MAX));
    right.then_some(()).ok_or_else(|| invalid(path, name))
}

fn text(value: &Value, datatype: &str, path: &Path<'_>) -> Result<(), FhirError> {
    let Value::String(text) = value else {
        return Err(wrong(path, "a string"));
    };
    let (right, name) = match datatype {
        "code" => (is_code(text), "code"),
        "id" => (is_id(text), "id"),
        "date" => (moment::date(text).is_some(), "date"),
        "dateTime" => (moment::date_time(text).is_some(), "dateTime"),
        "instant" => (moment::date_time(text).is_some_and(|moment| moment.exact), "instant"),
        "time" => (moment::clock(text).is_some(), "time"),
        "uri" | "url" | "canonical" | "oid" | "uuid" => {
            (!text.is_empty() && !text.contains(char::is_whitespace), "uri")
        }
        _ => (!text.is_empty(), "string: it is empty"),
    };
    right.then_some(()).ok_or_else(|| invalid(path, name))
}

/// `[^\s]+(\s[^\s]+)*`
fn is_code(text: &str) -> bool {
    !text.is_empty() && text.split(char::is_whitespace).all(|word| !word.is_empty())
}

/// `[A-Za-z0-9\-\.]{1,64}`
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

fn expect(right: bool, path: &Path<'_>, expected: &'static str) -> Result<(), FhirError> {
    right.then_some(()).ok_or_else(|| wrong(path, expected))
}

fn wrong(path: &Path<'_>, expected: &'static str) -> FhirError {
    FhirError::WrongType { path: path.to_string(), expected }
}

fn invalid(path: &Path<'_>, expected: &'static str) -> FhirError {
    FhirError::InvalidValue { path: path.to_string(), expected }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(mut change: impl FnMut(&mut Map<String, Value>)) -> Result<(), FhirError> {
        let Value::Object(mut resource) = json!({
            "resourceType": "Observation", "id": "o1", "status": "final",
            "category": [{"coding": [{"system": "http://loinc.org", "code": "x"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
            "subject": {"reference": "Patient/1"},
            "effectiveDateTime": "2020-01-02T03:04:05Z",
            "valueQuantity": {"value": 60, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"}
        }) else {
            unreachable!()
        };
        change(&mut resource);
        let rule = table::resource("Observation").unwrap();
        validate(&resource, rule, &Path::root("Observation"))
    }

    #[test]
    fn a_good_resource_passes() {
        assert_eq!(check(|_| {}), Ok(()));
    }

    #[test]
    fn a_fault_is_named_with_its_path() {
        let cases: [(&str, Value, &str); 11] = [
            ("status", Value::Null, "Observation.status must be a string"),
            ("status", json!(" final"), "Observation.status is not a valid code"),
            ("code", json!([]), "Observation.code must be an object"),
            ("code", json!({"coding": {}}), "Observation.code.coding must be an array"),
            (
                "code",
                json!({"coding": [{"code": 5}]}),
                "Observation.code.coding[0].code must be a string",
            ),
            ("category", json!([]), "Observation.category must be an array that is not empty"),
            ("subject", json!("Patient/1"), "Observation.subject must be an object"),
            (
                "effectiveDateTime",
                json!("yesterday"),
                "Observation.effectiveDateTime is not a valid dateTime",
            ),
            ("issued", json!("2020-01-02"), "Observation.issued is not a valid instant"),
            (
                "valueQuantity",
                json!({"value": "60"}),
                "Observation.valueQuantity.value must be a number",
            ),
            (
                "effectivePeriod",
                json!({"start": "2020"}),
                "Observation.effective[x] is given in more than one form",
            ),
        ];
        for (key, value, message) in cases {
            let error = check(|resource| {
                resource.insert(key.into(), value.clone());
            });
            assert_eq!(error.map_err(|error| error.to_string()), Err(message.to_owned()));
        }
    }

    #[test]
    fn a_missing_required_element_is_named() {
        let error = check(|resource| {
            resource.remove("status");
        });
        assert_eq!(error, Err(FhirError::Missing { path: "Observation.status".into() }));
    }

    #[test]
    fn an_extension_may_stand_for_a_required_primitive() {
        let result = check(|resource| {
            resource.remove("status");
            resource.insert(
                "_status".into(),
                json!({"extension": [{"url": "u", "valueCode": "unknown"}]}),
            );
        });
        assert_eq!(result, Ok(()));
    }
}
