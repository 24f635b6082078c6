//! Changes that can be taken back: what each has done to which rows, sealed, and the statements that undo it.

mod images;
mod restore;
mod seal;
mod vault;

#[cfg(test)]
mod tests;

pub use images::{
    ColumnImage, DefinitionImage, Filled, Images, KeptCheck, KeptImage, KeptRows, Row, RowImages, TableImages,
};
pub use restore::{Check, Children, Conflict, Restore, restore};
pub use seal::UndoKey;
pub use vault::{
    ChangeId, ChangeRecord, ChangeState, Coverage, KeptPlace, NewChange, NoChangeId, TransactionId, UndoVault,
    VaultError,
};
