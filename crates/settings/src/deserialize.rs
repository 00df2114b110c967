//! Gives TOML's values to serde, with errors that keep what they are about.
//!
//! `toml::from_str` turns every error into a sentence, and what a sentence is about can only be guessed from its words.

use crate::mistake::Mistake;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use toml::Spanned;
use toml::de::{DeFloat, DeInteger, DeString, DeTable, DeValue};

/// The whole file.
pub(crate) struct Root<'a>(pub(crate) &'a DeTable<'a>);

impl<'de> Deserializer<'de> for Root<'_> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_map(Entries::new(self.0))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A value of the file.
struct Node<'a>(&'a Spanned<DeValue<'a>>);

impl<'a> Node<'a> {
    /// Errors that know no place of their own are about this value.
    fn here<T>(&self, result: Result<T, Mistake>) -> Result<T, Mistake> {
        result.map_err(|mistake| mistake.at(self.0.span()))
    }

    fn visit<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Mistake> {
        match self.0.get_ref() {
            DeValue::String(text) => visitor.visit_str(text),
            DeValue::Integer(number) => integer(number, visitor),
            DeValue::Float(number) => visitor.visit_f64(float(number)?),
            DeValue::Boolean(value) => visitor.visit_bool(*value),
            DeValue::Datetime(_) => Err(Mistake::invalid_type(Unexpected::Other("a date"), &visitor)),
            DeValue::Array(items) => visitor.visit_seq(Items(items.iter())),
            DeValue::Table(table) => visitor.visit_map(Entries::new(table)),
        }
    }

    fn visit_enum<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Mistake> {
        match self.0.get_ref() {
            DeValue::String(text) => visitor.visit_enum(text.as_ref().into_deserializer()),
            DeValue::Table(table) => visitor.visit_enum(MapAccessDeserializer::new(Entries::new(table))),
            other => Err(Mistake::invalid_type(unexpected(other), &"a string")),
        }
    }
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.here(self.visit(visitor))
    }

    /// A key that is written is never `None`.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.here(self.visit_enum(visitor))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

fn unexpected<'a>(value: &'a DeValue<'_>) -> Unexpected<'a> {
    match value {
        DeValue::String(text) => Unexpected::Str(text),
        DeValue::Integer(number) => signed(number).map_or(Unexpected::Other("a large number"), Unexpected::Signed),
        DeValue::Float(number) => Unexpected::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Unexpected::Bool(*value),
        DeValue::Datetime(_) => Unexpected::Other("a date"),
        DeValue::Array(_) => Unexpected::Seq,
        DeValue::Table(_) => Unexpected::Map,
    }
}

fn signed(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn integer<'de, V: Visitor<'de>>(number: &DeInteger<'_>, visitor: V) -> Result<V::Value, Mistake> {
    match (signed(number), u64::from_str_radix(number.as_str(), number.radix())) {
        (Some(number), _) => visitor.visit_i64(number),
        (None, Ok(number)) => visitor.visit_u64(number),
        (None, Err(_)) => Err(Mistake::invalid_value(Unexpected::Other(&number.to_string()), &visitor)),
    }
}

fn float(number: &DeFloat<'_>) -> Result<f64, Mistake> {
    let read = number.as_str().parse::<f64>();
    read.map_err(|_| Mistake::invalid_value(Unexpected::Other(number.as_str()), &"f64"))
}

/// The entries of a section.
struct Entries<'a> {
    rest: toml::map::Iter<'a, Spanned<DeString<'a>>, Spanned<DeValue<'a>>>,
    /// The entry whose value is due.
    open: Option<(&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>)>,
}

impl<'a> Entries<'a> {
    fn new(table: &'a DeTable<'a>) -> Self {
        Self { rest: table.iter(), open: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mistake> {
        self.open = self.rest.next();
        let Some((key, value)) = self.open else { return Ok(None) };
        let read = seed.deserialize(key.get_ref().as_ref().into_deserializer());
        let unknown = |mistake: Mistake| if value.get_ref().is_table() { mistake.about_section() } else { mistake };
        read.map(Some).map_err(|mistake| unknown(mistake).at(key.span()))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mistake> {
        let (key, value) = self.open.take().ok_or_else(|| Mistake::custom("a value without a key"))?;
        seed.deserialize(Node(value)).map_err(|mistake| mistake.at(value.span()).within(key.get_ref()))
    }
}

/// The values of a list.
struct Items<'a>(std::slice::Iter<'a, Spanned<DeValue<'a>>>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Mistake;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mistake> {
        let read = |item| seed.deserialize(Node(item)).map_err(|mistake: Mistake| mistake.at(item.span()));
        self.0.next().map(read).transpose()
    }
}
