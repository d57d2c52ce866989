//! Mappings with known keys: one declaration defines the struct, its reader and its JSON Schema.
//!
//! It is a macro because a derived reader would stop at the first fault, and because three separate
//! lists of the same keys would differ sooner or later.

/// Declares a mapping with known keys: the struct, its reader and its JSON Schema.
///
/// Every field is optional here; the checks report a required field that is missing, together with
/// all other problems. The function behind `as` returns the schema of a value; without one, it is
/// that of the type.
macro_rules! mapping {
    (
        $(#[$meta:meta])*
        struct $name:ident: $kind:literal {
            $( $(#[$field_meta:meta])* $field:ident: $type:ty $(as $schema:tt)?, )+
        }
    ) => {
        #[derive(Debug, Clone, Default, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        $(#[$meta])*
        pub(super) struct $name {
            $(
                $(#[$field_meta])*
                $( #[schemars(schema_with = $schema)] )?
                #[schemars(default)]
                pub(super) $field: Slot<$type>,
            )+
            /// The unknown and duplicate keys.
            #[schemars(skip)]
            invalid_entries: Vec<Fault>,
        }

        impl Shape for $name {
            const EXPECTED: &'static str = "a mapping";

            fn nothing() -> Option<Self> {
                Some(Self::default())
            }

            fn mapping<'s, E: Entries<'s>>(
                entries: &mut E,
            ) -> Result<Option<Self>, E::Error> {
                const FIELDS: &[&str] = &[$(stringify!($field),)+];
                let mut this = Self::default();
                while let Some(key) = entries.key()? {
                    match &*key.text {
                        $( stringify!($field) => match this.$field.as_ref() {
                            None => {
                                let node = entries.value()?;
                                this.$field = Slot::filled(Field { key: key.at, node });
                                continue;
                            }
                            Some(field) => {
                                let first = field.key;
                                let key = key.kept();
                                this.invalid_entries.push(Fault::DuplicateKey { key, first });
                            }
                        }, )+
                        _ => this.invalid_entries.push(Fault::UnknownField {
                            key: key.kept(),
                            kind: $kind,
                            fields: FIELDS,
                        }),
                    }
                    entries.skip()?;
                }
                Ok(Some(this))
            }

            fn keys(&self) -> Vec<(&'static str, Mark)> {
                let keys = [$((stringify!($field), self.$field.as_ref().map(|it| it.key)),)+];
                keys.into_iter().filter_map(|(name, key)| Some((name, key?))).collect()
            }

            fn invalid_entries(&self) -> &[Fault] {
                &self.invalid_entries
            }

            fn size(&self) -> usize {
                let mut size = 0;
                $( size += self.$field.as_ref().and_then(Field::value).map_or(0, Shape::size); )+
                size
            }

            fn faults(&self, faults: &mut Vec<Fault>) {
                faults.extend_from_slice(&self.invalid_entries);
                $( if let Some(field) = self.$field.as_ref() {
                    field.node.faults(faults);
                } )+
            }
        }
    };
}

pub(super) use mapping;
