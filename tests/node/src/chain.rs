//! A chain: what a node has stored, as records and proofs.

use crate::ledger::Ledger;
use crate::state::State;
use crate::synthetic::SyntheticState;
use bytes::Bytes;
use sealift_aptos::chain::{
    Genesis, HashValue, LedgerInfoWithSignatures, RecordFormat, SparseMerkleRangeProof,
    TransactionAccumulatorRangeProof, TransactionInfo, TransactionInfoWithProof,
};
use std::collections::BTreeMap;

/// A chain of some epochs, of which the last may still be open.
#[derive(Debug)]
pub struct Chain {
    pub(crate) format: RecordFormat,
    /// One for each epoch that has ended.
    pub(crate) ledger_infos: Vec<LedgerInfoWithSignatures>,
    /// The newest one of the open epoch, when that has transactions.
    pub(crate) open: Option<LedgerInfoWithSignatures>,
    /// The records, by version.
    pub(crate) transactions: Vec<Bytes>,
    pub(crate) infos: Vec<TransactionInfo>,
    /// The hashes of the infos: the leaves of the accumulator.
    pub(crate) leaves: Vec<HashValue>,
    /// The state at the versions that end an epoch.
    pub(crate) states: BTreeMap<u64, State>,
    pub(crate) db_state: DbStateForm,
    synthetic: Option<SyntheticState>,
}

/// What `db_state` answers: versions of the node differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DbStateForm {
    /// The epoch and the committed version.
    #[default]
    Committed,
    /// Those, and the synced version.
    CommittedAndSynced,
    /// That there is no database yet.
    NotBootstrapped,
}

/// Records that are made as they are sent.
pub(crate) type Records = Box<dyn Iterator<Item = Bytes> + Send>;

impl Chain {
    /// The chain that has nothing but a genesis transaction, mainnet's or another one, given in BCS.
    ///
    /// # Panics
    /// When it is none.
    pub fn from_genesis(transaction: &[u8], format: RecordFormat) -> Self {
        let genesis = Genesis::of(transaction).expect("a genesis transaction");
        let mut state = State::default();
        genesis.state.iter().for_each(|record| state.put(Bytes::copy_from_slice(record)));
        Chain {
            format,
            transactions: vec![genesis.record(format).expect("it can be encoded").into()],
            leaves: vec![genesis.info.hash().expect("it can be encoded")],
            infos: vec![genesis.info],
            ledger_infos: vec![genesis.ledger_info],
            open: None,
            states: BTreeMap::from([(0, state)]),
            db_state: DbStateForm::default(),
            synthetic: None,
        }
    }

    /// This chain, on a node that answers `db_state` in this form.
    pub fn with_db_state(self, form: DbStateForm) -> Self {
        Chain { db_state: form, ..self }
    }

    /// This chain, with `state` as what its last epoch ended with. The state's proofs do not hold then.
    pub fn with_synthetic_state(self, state: SyntheticState) -> Self {
        Chain { synthetic: Some(state), ..self }
    }

    /// How its transactions are written.
    pub fn format(&self) -> RecordFormat {
        self.format
    }

    /// The epoch that is open.
    pub fn epoch(&self) -> u64 {
        self.ledger_infos.len() as u64
    }

    /// The version of the last transaction.
    pub fn last_version(&self) -> u64 {
        self.transactions.len() as u64 - 1
    }

    /// The ledger info that ends `epoch`, when it has ended.
    pub fn epoch_ending(&self, epoch: u64) -> Option<&LedgerInfoWithSignatures> {
        self.ledger_infos.get(usize::try_from(epoch).ok()?)
    }

    /// The record of the transaction at `version`.
    pub fn transaction(&self, version: u64) -> Option<&Bytes> {
        self.transactions.get(usize::try_from(version).ok()?)
    }

    /// How many items the state at `version` has; none when that is not kept.
    pub fn state_item_count(&self, version: u64) -> Option<u64> {
        match self.synthetic(version) {
            Some(state) => Some(state.count()),
            None => self.states.get(&version).map(State::count),
        }
    }

    /// The records of the state at `version`, from the index `first` on; none when that state is not kept.
    pub fn state_records(&self, version: u64, first: u64) -> Option<Box<dyn Iterator<Item = Bytes> + Send>> {
        match self.synthetic(version) {
            Some(state) => Some(Box::new(state.records(first))),
            None => Some(Box::new(self.states.get(&version)?.records(first))),
        }
    }

    /// The proof for the items of the state at `version` up to the key with the hash `last`.
    pub fn state_range_proof(&self, version: u64, last: HashValue) -> Option<SparseMerkleRangeProof> {
        match self.synthetic(version) {
            Some(_) => Some(SparseMerkleRangeProof { right_siblings: vec![HashValue::ZERO; 20] }),
            None => self.states.get(&version)?.range_proof(last),
        }
    }

    /// The info of the transaction at `version` with its proof, and the ledger info that proof is for.
    pub fn state_root_proof(&self, version: u64) -> Option<(TransactionInfoWithProof, &LedgerInfoWithSignatures)> {
        let ledger_info = self.ledger_info_over(version)?;
        let info = self.infos.get(usize::try_from(version).ok()?)?.clone();
        Some((TransactionInfoWithProof { proof: self.ledger(ledger_info).proof(version), info }, ledger_info))
    }

    /// The proof for the transactions from `first` to `last`, and the ledger info that it is for.
    pub fn transaction_range_proof(
        &self,
        first: u64,
        last: u64,
    ) -> Option<(TransactionAccumulatorRangeProof, &LedgerInfoWithSignatures)> {
        let ledger_info = self.ledger_info_over(last).filter(|_| first <= last)?;
        Some((self.ledger(ledger_info).range_proof(first, last), ledger_info))
    }

    /// The newest ledger info of the epoch that `version` is in.
    fn ledger_info_over(&self, version: u64) -> Option<&LedgerInfoWithSignatures> {
        self.ledger_infos.iter().chain(&self.open).find(|info| version <= info.version())
    }

    fn ledger(&self, ledger_info: &LedgerInfoWithSignatures) -> Ledger {
        Ledger::over(&self.leaves[..=ledger_info.version() as usize])
    }

    fn synthetic(&self, version: u64) -> Option<&SyntheticState> {
        let last = self.ledger_infos.last().map(LedgerInfoWithSignatures::version);
        self.synthetic.as_ref().filter(|_| last == Some(version))
    }
}
