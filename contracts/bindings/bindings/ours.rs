//! Our own contracts, from their committed artifacts. One module each: each artifact brings the interfaces that its
//! structs and enums were declared in, and two of the same name would collide.

macro_rules! artifact {
    ($(#[$doc:meta])* $module:ident, $name:ident, $path:literal) => {
        $(#[$doc])*
        pub mod $module {
            alloy_sol_types::sol!(
                #[sol(all_derives)]
                $name,
                $path
            );
        }
        pub use $module::$name;
    };
}

artifact!(
    /// `PolicyRegistry`, and `IPolicyRegistry` with its `Epoch`.
    policy_registry, PolicyRegistry, "abi/PolicyRegistry.json"
);
artifact!(
    /// `EmergencyBrake`.
    emergency_brake, EmergencyBrake, "abi/EmergencyBrake.json"
);
artifact!(
    /// `DecisionGate`, and `IDecisionGate` with its `Entry` and `Item`.
    decision_gate, DecisionGate, "abi/DecisionGate.json"
);
artifact!(
    /// The local DAO's votes.
    devnet_votes, DevnetVotes, "abi/devnet/DevnetVotes.json"
);
artifact!(
    /// The local DAO's Governor.
    devnet_governor, DevnetGovernor, "abi/devnet/DevnetGovernor.json"
);
artifact!(
    /// A price feed that replays history.
    replay_feed, ReplayFeed, "abi/devnet/ReplayFeed.json"
);
artifact!(
    /// An asset of the local DAO.
    devnet_asset, DevnetAsset, "abi/devnet/DevnetAsset.json"
);
artifact!(
    /// An ERC-4626 vault of the local DAO.
    devnet_vault, DevnetVault, "abi/devnet/DevnetVault.json"
);

pub use decision_gate::IDecisionGate;
