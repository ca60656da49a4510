//! Brings the objects of one study together.

use std::collections::HashMap;

use chartmesh_protocol::record::Kind;

use super::Head;
use crate::content::limits::GROUP_ITEMS_MAX;
use crate::content::{Draft, Group, title};

/// Groups files that are imported together: all objects of one StudyInstanceUID of one patient
/// become one entry, in the order of series and instance, split where an entry would hold too many.
/// An object that names no study is an entry of its own.
///
/// `T` is what tells the caller which file an item is, such as its path.
#[must_use]
pub fn group<T>(files: impl IntoIterator<Item = (T, Head)>) -> Vec<Group<(T, Draft)>> {
    let mut studies: Vec<Vec<(T, Head)>> = Vec::new();
    let mut known: HashMap<(String, String), usize> = HashMap::new();
    for (file, head) in files {
        let key = (head.study.clone(), head.patient_id.clone());
        match known.get(&key).and_then(|index| studies.get_mut(*index)) {
            Some(study) if !head.study.is_empty() => study.push((file, head)),
            _ => {
                known.insert(key, studies.len());
                studies.push(vec![(file, head)]);
            }
        }
    }
    studies.into_iter().flat_map(entries).collect()
}

/// One study as one entry, or as several when it is large.
fn entries<T>(mut study: Vec<(T, Head)>) -> Vec<Group<(T, Draft)>> {
    study.sort_by(|(_, a), (_, b)| (&a.series, a.instance).cmp(&(&b.series, b.instance)));
    let line = line(&study);
    let effective = study.iter().filter_map(|(_, head)| head.effective).min();
    let parts = study.len().div_ceil(GROUP_ITEMS_MAX);
    let mut groups: Vec<Group<(T, Draft)>> = Vec::new();
    for (index, (file, head)) in study.into_iter().enumerate() {
        if index % GROUP_ITEMS_MAX == 0 {
            let title = if parts > 1 {
                format!("{line} (part {} of {parts})", groups.len() + 1)
            } else {
                line.clone()
            };
            groups.push(Group { kind: Kind::Imaging, effective, title, items: Vec::new() });
        }
        if let Some(group) = groups.last_mut() {
            group.items.push((file, head.draft()));
        }
    }
    groups
}

/// `Upper endoscopy (ES), 6 objects`
fn line<T>(study: &[(T, Head)]) -> String {
    let heads = || study.iter().map(|(_, head)| head);
    let mut modalities: Vec<&str> =
        heads().map(|head| head.modality.as_str()).filter(|text| !text.is_empty()).collect();
    modalities.sort_unstable();
    modalities.dedup();
    modalities.truncate(4);
    let what = heads()
        .flat_map(|head| [&head.study_description, &head.series_description])
        .find(|text| !text.is_empty())
        .map_or("Imaging study", String::as_str);
    // What comes behind must survive a long description.
    let what: String = what.chars().take(50).collect();
    let modalities =
        if modalities.is_empty() { String::new() } else { format!(" ({})", modalities.join(", ")) };
    let count = match study.len() {
        1 => "1 object".to_owned(),
        count => format!("{count} objects"),
    };
    title(&format!("{what}{modalities}, {count}"))
}
