//! How a chain is generated: the same for the same recipe, and a longer one begins with the shorter one.

use crate::chain::Chain;
use crate::ledger::Ledger;
use crate::random::Random;
use crate::state::State;
use crate::transactions::{self, bcs};
use crate::users;
use crate::validators::Signers;
use sealift_aptos::chain::{
    BlockInfo, EpochState, ExecutionStatus, Hasher, LedgerInfo, LedgerInfoWithSignatures, Outcome, RecordFormat,
    TransactionInfo, TransactionRecord, event_root, write_ops,
};

/// What a generated chain is like.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// Another seed, another chain.
    pub seed: u64,
    /// The epochs that have ended after genesis, which is epoch 0.
    pub epochs: u64,
    /// The transactions of each of them; at least 2, since a block begins and ends with one of its own.
    pub transactions_per_epoch: u64,
    /// The transactions of the epoch that is open; none or at least 2.
    pub open_transactions: u64,
    /// The items of the state at genesis, apart from the one that names the validators.
    pub state_items: u64,
    /// The bytes of each item's value.
    pub value_bytes: usize,
    /// The validators of each epoch.
    pub validators: usize,
    /// How transactions are written.
    pub format: RecordFormat,
}

impl Default for Recipe {
    /// Small: 5 epochs of 12 transactions, 3 transactions in the open one, 100 items.
    fn default() -> Self {
        Recipe {
            seed: 1,
            epochs: 5,
            transactions_per_epoch: 12,
            open_transactions: 3,
            state_items: 100,
            value_bytes: 50,
            validators: 4,
            format: RecordFormat::V1,
        }
    }
}

impl Recipe {
    /// A ledger info that the first `count` validators of `epoch` have signed, whether they are enough or the right ones.
    ///
    /// # Panics
    /// When there are not so many, or none is to sign.
    pub fn signed_by(&self, ledger_info: LedgerInfo, epoch: u64, count: usize) -> LedgerInfoWithSignatures {
        let signers = Signers::of_epoch(self.seed, epoch, self.validators);
        signers.sign_by(ledger_info, &(0..count).collect::<Vec<_>>())
    }
}

impl Chain {
    /// The chain of a recipe.
    ///
    /// # Panics
    /// When an epoch has too few transactions, or there are no validators.
    pub fn generate(recipe: &Recipe) -> Self {
        assert!(recipe.transactions_per_epoch >= 2 && recipe.open_transactions != 1, "a block has two of its own");
        let random = Random::new(recipe.seed);
        let mut signers = Signers::of_epoch(recipe.seed, 1, recipe.validators);
        let chain = Chain::from_genesis(&genesis(recipe, &random, &signers), recipe.format);
        let state = chain.states.get(&0).cloned().unwrap_or_default();
        let mut growing = Growing { recipe, random, chain, state };
        for epoch in 1..=recipe.epochs {
            let next = Signers::of_epoch(recipe.seed, epoch + 1, recipe.validators);
            let ended = growing.epoch(&signers, recipe.transactions_per_epoch, Some(next.epoch_state()));
            growing.chain.states.insert(ended.version(), growing.state.clone());
            growing.chain.ledger_infos.push(ended);
            signers = next;
        }
        if recipe.open_transactions > 0 {
            growing.chain.open = Some(growing.epoch(&signers, recipe.open_transactions, None));
        }
        growing.chain
    }
}

fn genesis(recipe: &Recipe, random: &Random, signers: &Signers) -> Vec<u8> {
    let item = |index| {
        let value = random.long("value", index, recipe.value_bytes);
        (transactions::item_key(random, index), transactions::creation(value))
    };
    let mut ops: Vec<_> = (0..recipe.state_items).map(item).collect();
    ops.push(transactions::validator_set(signers.validators()));
    let events = [transactions::event(b"genesis"), transactions::old_event(random.bytes("account", 0), 0)];
    transactions::genesis(&transactions::write_set(&ops), &events)
}

/// A chain while it grows, with the state after its last transaction.
struct Growing<'a> {
    recipe: &'a Recipe,
    random: Random,
    chain: Chain,
    state: State,
}

impl Growing<'_> {
    /// Adds one block of `count` transactions, which is all of an epoch or of what there is of the open one.
    fn epoch(&mut self, signers: &Signers, count: u64, next: Option<EpochState>) -> LedgerInfoWithSignatures {
        let epoch = self.chain.epoch();
        let (id, timestamp) = (self.random.hash("block", epoch), epoch * 7_200_000_000);
        for index in 0..count {
            let version = self.chain.transactions.len() as u64;
            let proposer = self.random.bytes("validator", 0);
            match index {
                0 => self.push(transactions::block_metadata(id, epoch, epoch, proposer, timestamp), &[], index),
                _ if index == count - 1 => self.push(transactions::block_epilogue(id), &[], index),
                _ => self.push(users::transaction(&self.random, version), &self.changes(version), index),
            }
        }
        let commit_info = BlockInfo {
            epoch,
            round: epoch,
            id,
            executed_state_id: Ledger::over(&self.chain.leaves).root(),
            version: self.chain.last_version(),
            timestamp_usecs: timestamp,
            next_epoch_state: next,
        };
        signers.sign(LedgerInfo { commit_info, consensus_data_hash: self.random.hash("consensus", epoch) })
    }

    /// One item changed, and every fourth time one created.
    fn changes(&self, version: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
        let value = self.random.long("new value", version, self.recipe.value_bytes);
        let changed = self.random.below("changed", version, self.recipe.state_items);
        let mut ops = vec![(transactions::item_key(&self.random, changed), transactions::modification(value, version))];
        if version.is_multiple_of(4) {
            let created = transactions::item_key(&self.random, self.recipe.state_items + version);
            ops.push((created, transactions::creation(bcs(&version))));
        }
        ops
    }

    /// Adds a transaction. The last one of a block says what the state is.
    fn push(&mut self, transaction: Vec<u8>, ops: &[(Vec<u8>, Vec<u8>)], index: u64) {
        let write_set = transactions::write_set(ops);
        self.state.apply(&write_ops(&write_set).expect("a write set"));
        let events: Vec<_> = ops.iter().map(|(key, _)| transactions::event(key)).collect();
        let auxiliary_info = bcs(&(1u8, u32::try_from(index).expect("small blocks")));
        let hash = |name, bytes: &[u8]| Hasher::new(name).update(bytes).finish();
        // The variant of block epilogues.
        let checkpoint = transaction.first() == Some(&6);
        let info = TransactionInfo::V0 {
            outcome: Outcome {
                gas_used: index,
                status: ExecutionStatus::Success,
                transaction_hash: hash("Transaction", &transaction),
                event_root_hash: event_root(&events),
                state_change_hash: hash("WriteSet", &write_set),
                state_checkpoint_hash: checkpoint.then(|| self.state.root()),
            },
            auxiliary_info_hash: match self.recipe.format {
                RecordFormat::V0 => None,
                RecordFormat::V1 => Some(hash("PersistedAuxiliaryInfo", &auxiliary_info)),
            },
        };
        let record = TransactionRecord {
            transaction: &transaction,
            auxiliary_info: match self.recipe.format {
                RecordFormat::V0 => None,
                RecordFormat::V1 => Some(&auxiliary_info),
            },
            info: info.clone(),
            events: events.iter().map(Vec::as_slice).collect(),
            write_set: &write_set,
        };
        self.chain.transactions.push(record.to_bytes().expect("it can be encoded").into());
        self.chain.leaves.push(info.hash().expect("it can be encoded"));
        self.chain.infos.push(info);
    }
}
