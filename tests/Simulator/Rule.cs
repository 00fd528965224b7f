namespace Optimistic.Simulator;

/// <summary>
/// The rules of spec 4 and 5.4 that the model enforces, one switch each. A model with one of them broken is a mutant: some property has to
/// notice it, or the properties prove nothing. What breaks is said here.
/// </summary>
internal enum Rule
{
    /// <summary>No rule is broken.</summary>
    None,

    // Clocks (4.2.4, 4.3)
    /// <summary>Moves cost no time.</summary>
    MovesCostTime,

    /// <summary>The grace is not free.</summary>
    GraceIsFree,

    /// <summary>A0 is a second shorter.</summary>
    AllowanceCoversTheBudgets,

    /// <summary>An inner tournament grants T without G.</summary>
    InnerGrantCoversTraceAndGrace,

    /// <summary>Both classes of an inner tournament get the longer of their allowances.</summary>
    ClocksBelongToClasses,

    /// <summary>A commitment that joins late has its whole allowance.</summary>
    LatenessIsCharged,

    /// <summary>A move is allowed when its mover is overdue.</summary>
    OverdueCannotMove,

    /// <summary>A timeout may be called a second before the mover is overdue.</summary>
    TimeoutNeedsOverdue,

    /// <summary>The winner of a timeout pays for how late the call came.</summary>
    WaitingWinnerPaysNothing,

    /// <summary>A timeout that is called more than a second late is refused.</summary>
    DecidedResultNeverExpires,

    /// <summary>The mover is always one.</summary>
    SidesTakeTurns,

    /// <summary>At the leaf, the side that is overdue first loses by timeout.</summary>
    NoTimeoutWinAtTheLeaf,

    /// <summary>Both lose at the leaf when the earlier deadline passes.</summary>
    EliminationNeedsBothOverdue,

    /// <summary>A side may prove when it is overdue.</summary>
    OverdueCannotProve,

    /// <summary>The clocks of the outer match run while its inner tournament is played.</summary>
    OuterClocksStand,

    /// <summary>Who wins an inner tournament goes on with the clock that it had before.</summary>
    InnerClocksCount,

    // Bisection (4.3)
    /// <summary>Any four words pass for the opening of a node.</summary>
    OpeningsAreChecked,

    /// <summary>The last child that differs is chosen.</summary>
    FirstDifferenceIsChosen,

    /// <summary>The agreed leaf that a seal shows is not proven.</summary>
    AgreedLeafIsProven,

    // Proofs (4.3.5)
    /// <summary>What the prover says is taken for proven.</summary>
    ProofsAreChecked,

    /// <summary>A wrong proof eliminates both.</summary>
    WrongProofEliminatesNobody,

    /// <summary>A proof of leaf one makes two win.</summary>
    ProvenSideWins,

    // Joining (4.2.3, 5.4)
    /// <summary>The bond is not asked for.</summary>
    BondsArePaid,

    /// <summary>A root may join again while it is there.</summary>
    RootsJoinOnce,

    /// <summary>A root that was eliminated may join again.</summary>
    EliminationIsForEver,

    /// <summary>A claim need not prove that its trace ends in its state root.</summary>
    ClaimsProveTheirLastLeaf,

    /// <summary>A commitment at level 1 need not prove its last leaf.</summary>
    InnerJoinsProveTheirLastLeaf,

    /// <summary>A commitment at level 1 may end in any machine.</summary>
    InnerJoinsEndInTheirClass,

    /// <summary>One may join after the window.</summary>
    WindowsClose,

    /// <summary>Attempt n + 1 may be claimed before attempt n has ended without a winner.</summary>
    AttemptsComeInOrder,

    // Pairing (4.2.5, 4.4)
    /// <summary>The one that enters becomes one, and the one that waited two.</summary>
    TheOneThatWaitedIsOne,

    /// <summary>The winner of a match is not paired again.</summary>
    WinnersArePairedAgain,

    /// <summary>The loser of a match is not eliminated.</summary>
    LosersAreEliminated,

    // Ends (4.3.7, 4.5, 5.4.4)
    /// <summary>An inner tournament ends while the window of the absent class is open.</summary>
    ResolveWaitsForTheAbsentClass,

    /// <summary>An inner tournament ends while a match is live in it.</summary>
    ResolveNeedsNoLiveMatch,

    /// <summary>A tournament settles while its window is open.</summary>
    SettleWaitsForTheWindow,

    /// <summary>A tournament settles while a match is live in it.</summary>
    SettleNeedsNoLiveMatch,

    /// <summary>A claim without a rival confirms in its window.</summary>
    ConfirmWaitsForTheWindow,

    /// <summary>Any claim of a settled tournament confirms.</summary>
    OnlyTheWinnerConfirms,

    /// <summary>A claim confirms whatever its parent.</summary>
    OnlyChildrenOfTheLatestConfirm,

    // Money (4.6)
    /// <summary>Moves are refunded at the price that was paid, however high.</summary>
    RefundsHaveACeiling,

    /// <summary>The refund of a move is not booked on its match.</summary>
    RefundsAreBooked,

    /// <summary>Half the stake of a loser goes to the winner's claimer.</summary>
    PrizesAreATenth,

    /// <summary>The bond of a loser goes back to its claimer.</summary>
    LosersForfeit,

    /// <summary>The bond of the winner goes to the treasury.</summary>
    WinnersGetTheirBondBack,

    /// <summary>The winner of an inner tournament gets its bond and no prize.</summary>
    InnerWinnersGetAPrize,

    /// <summary>The pot of a tournament goes to the treasury.</summary>
    PotsGoToWinners,

    /// <summary>A match that ends leaves no share in the pot.</summary>
    MatchesLeaveAShare,

    /// <summary>The pot of an inner tournament goes to the treasury.</summary>
    InnerPotsComeOut,

    /// <summary>The treasury is not credited with what is left.</summary>
    TheTreasuryGetsTheRest,

    /// <summary>A credit that is drawn stays.</summary>
    CreditsAreDrawnOnce,

    /// <summary>Refunds are sent at once, and a receiver that refuses makes the move fail.</summary>
    PaymentsArePulled,

    /// <summary>A bond is recovered while the parent may still win.</summary>
    RecoveryNeedsALostParent,

    /// <summary>A bond is recovered twice.</summary>
    RecoveryHappensOnce,

    // Pauses (4.8)
    /// <summary>Clocks run during a pause.</summary>
    PausesStopClocks,

    /// <summary>Games go on during a pause.</summary>
    NothingMovesDuringAPause,

    /// <summary>A pause does not end when its budget is spent.</summary>
    PausesHaveABudget,

    /// <summary>A pause of one version stops all others.</summary>
    PausesAreOfOneVersion,

    // Rules versions (5.7)
    /// <summary>Anybody adds rules.</summary>
    OnlyTheGovernorAddsRules,

    /// <summary>A rival of a first claim, and their tournament, play by the rules in force when it joins.</summary>
    RivalsPlayByTheFirstClaimsRules,

    /// <summary>A pending claim is confirmed by the window and the bond of the rules in force.</summary>
    UpgradesTouchNoPendingClaim,

    /// <summary>A next attempt is asked of the rules in force, whichever the last one was played by.</summary>
    AttemptsAskTheRulesTheyWerePlayedBy,

    // Stakes (5.8)
    /// <summary>A claim may stand behind a stake that is smaller than a bond.</summary>
    StakesCoverTheBond,

    /// <summary>A claim may stand behind a stake that others in their windows stand behind, wherever it is.</summary>
    StakesBackOneChain,

    /// <summary>A chain of claims behind a stake goes on under other rules.</summary>
    StakesAreOfOneVersion,

    /// <summary>A stake is taken back while claims stand behind it.</summary>
    StakesStayUntilIdle,

    /// <summary>The first challenge of a claim behind a stake leaves the stake as it is.</summary>
    ChallengesTakeTheStake,

    /// <summary>The claims behind a stake stay backed when it is taken.</summary>
    TakenStakesUnbackTheOthers,

    /// <summary>An unbacked claim confirms.</summary>
    UnbackedClaimsDoNotConfirm,

    /// <summary>An unbacked claim opens a tournament when it is challenged.</summary>
    UnbackedClaimsAreNotChallenged,

    /// <summary>No other first claim comes in the place of an unbacked one.</summary>
    UnbackedClaimsAreReplaced,

    /// <summary>An unbacked claim in whose place another came cannot come back as its rival.</summary>
    UnbackedClaimsComeBackAsRivals,

    /// <summary>A claim behind a stake is paid a bond when it is confirmed, or recovered.</summary>
    StakedClaimsArePaidNothing,
}
