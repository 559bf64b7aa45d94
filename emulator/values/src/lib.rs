//! The ten scalar types of the embedded cluster: their Arrow forms and their texts.
