//! Topics and topic filters (MQTT 5, section 4.7).

/// Longest topic or filter, in bytes.
const TOPIC_BYTES_MAX: usize = 65_535;

pub(crate) fn topic_is_valid(topic: &str) -> bool {
    !topic.is_empty() && topic.len() <= TOPIC_BYTES_MAX && !topic.contains(['+', '#', '\0'])
}

pub(crate) fn filter_is_valid(filter: &str) -> bool {
    if filter.is_empty() || filter.len() > TOPIC_BYTES_MAX || filter.contains('\0') {
        return false;
    }
    let levels = filter.split('/').count();
    filter.split('/').enumerate().all(|(at, level)| match level {
        "#" => at + 1 == levels,
        "+" => true,
        _ => !level.contains(['+', '#']),
    })
}

/// Whether `topic` falls under `filter`; both are valid. A leading wildcard does not match `$SYS` and its like.
pub(crate) fn matches(topic: &str, filter: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        let table = [
            ("a/b/c", "a/b/c", true),
            ("a/b/c", "a/+/c", true),
            ("a/b/c", "a/#", true),
            ("a", "a/#", true),
            ("a/b", "a/b/#", true),
            ("a/b/c", "#", true),
            ("a/b/c", "+/+/+", true),
            ("a/b/c", "+/+", false),
            ("a/b", "+/+/+", false),
            ("a/b/c", "a/b", false),
            ("ab", "a", false),
            ("/a", "+/a", true),
            ("/a", "/+", true),
            ("$SYS/x", "#", false),
            ("$SYS/x", "+/x", false),
            ("$SYS/x", "$SYS/#", true),
            ("é/x", "é/+", true),
            ("日", "+", true),
        ];
        for (topic, filter, expected) in table {
            assert_eq!(matches(topic, filter), expected, "{topic} under {filter}");
        }
    }

    #[test]
    fn filters() {
        for good in ["a", "+", "#", "a/+/b/#", "/", "a//b", "$SYS/#"] {
            assert!(filter_is_valid(good), "{good}");
        }
        for bad in ["", "a#", "#/a", "a/#/b", "a+", "+a/b", "a\0"] {
            assert!(!filter_is_valid(bad), "{bad}");
        }
        assert!(topic_is_valid("a/b") && !topic_is_valid("a/+") && !topic_is_valid("") && !topic_is_valid("#"));
    }
}
