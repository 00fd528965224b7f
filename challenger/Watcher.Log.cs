using Microsoft.Extensions.Logging;
using Optimistic.Vm;

namespace Optimistic.Challenger;

/// <summary>What the watcher says. Event names are what machines read with --json-logs; nothing is decided here.</summary>
public sealed partial class Watcher
{
    [LoggerMessage(Level = LogLevel.Information, EventName = "Started", Message = "Watching rollup {Rollup} on chain {Chain} through {Endpoint}, mode {Mode}, account {Account}")]
    private partial void LogStarted(string mode, Address rollup, ulong chain, Address account, string endpoint);

    [LoggerMessage(Level = LogLevel.Warning, EventName = "Drill", Message = "DRILL: this process plays for a lie: {Drill}")]
    private partial void LogDrill(string drill);

    [LoggerMessage(Level = LogLevel.Information, EventName = "Relay", Message = "Transactions go to {Relay} alone, and to L1's nodes too when it does not get one mined in {Blocks} blocks")]
    private partial void LogRelay(string relay, ulong blocks);

    [LoggerMessage(Level = LogLevel.Warning, EventName = "RelayFailed", Message = "{Relay} does not get transactions mined: {Reason}. They go to L1's nodes, where everybody sees them; it has another chance in {Blocks} blocks")]
    private partial void LogRelayFailed(string relay, string reason, ulong blocks);

    [LoggerMessage(Level = LogLevel.Information, EventName = "RelayUsedAgain", Message = "Transactions go to {Relay} again")]
    private partial void LogRelayUsedAgain(string relay);

    [LoggerMessage(Level = LogLevel.Information, EventName = "Rules", Message = "Block {Block} brings version {Version} of the rules into force, Tournament {Tournament}: claims from now on are defended under it, earlier ones under theirs")]
    private partial void LogRules(int version, Address tournament, ulong block);

    [LoggerMessage(Level = LogLevel.Critical, EventName = "UnknownRules", Message = "Block {Block} brings version {Version} of the rules into force, and Tournament {Tournament} or its verifier is not of this program: claims under it are NOT DEFENDED. Run one that knows it beside this one, which goes on with the earlier claims")]
    private partial void LogUnknownRules(int version, Address tournament, ulong block);

    [LoggerMessage(Level = LogLevel.Information, EventName = "StakeTaken", Message = "The challenge of claim {Claim} took the stake of {Account} in block {Block}: its other claims are unbacked")]
    private partial void LogStakeTaken(Address account, Word claim, ulong block);

    [LoggerMessage(Level = LogLevel.Warning, EventName = "Paused", Message = "The guardian paused all disputes in block {Block}")]
    private partial void LogPaused(ulong block);

    [LoggerMessage(Level = LogLevel.Information, EventName = "Unpaused", Message = "Disputes go on from block {Block}, after {Seconds} s of pauses in all")]
    private partial void LogUnpaused(uint seconds, ulong block);

    [LoggerMessage(Level = LogLevel.Information, EventName = "Resumed", Message = "Going on after block {Block} ({Hash})")]
    private partial void LogResumed(ulong block, Word hash);

    [LoggerMessage(Level = LogLevel.Information, EventName = "Interrupted", Message = "An earlier run ended while it did: {Action} ({Subject}), {At}")]
    private partial void LogInterrupted(string action, string subject, DateTime at);

    [LoggerMessage(Level = LogLevel.Information, EventName = "Pending", Message = "Waiting for {Count} transactions of an earlier run")]
    private partial void LogPending(ulong count);

    [LoggerMessage(Level = LogLevel.Warning, EventName = "Outage", Message = "L1 does not answer: {Reason} Trying again in {Seconds} s")]
    private partial void LogOutage(string reason, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, EventName = "Reorganized", Message = "L1 reorganized: block {Block} and what followed are void")]
    private partial void LogReorganized(ulong block);

    [LoggerMessage(Level = LogLevel.Debug, EventName = "CatchingUp", Message = "Followed L1 up to block {Block}")]
    private partial void LogCatchingUp(ulong block);

    [LoggerMessage(Level = LogLevel.Information, EventName = "Shadow", Message = "Would do: {Description} [{Action}, {Subject}]")]
    private partial void LogShadow(string action, string description, Word subject);

    [LoggerMessage(Level = LogLevel.Information, EventName = "ClaimAccepted", Message = "Claim {Claim} about batch {Batch} by {Claimer} is right")]
    private partial void LogAccepted(ulong batch, Word claim, Address claimer);

    [LoggerMessage(Level = LogLevel.Warning, EventName = "ClaimRejected", Message = "Claim {Claim} about batch {Batch} by {Claimer} is WRONG: {Reason}")]
    private partial void LogRejected(ulong batch, Word claim, Address claimer, string reason);

    [LoggerMessage(Level = LogLevel.Critical, EventName = "WrongConfirmed", Message = "A WRONG claim is confirmed: {Claim} about batch {Batch} with state root {StateRoot}. Outputs proven from here on are not to be trusted")]
    private partial void LogWrongConfirmed(ulong batch, Word claim, Word stateRoot);

    [LoggerMessage(Level = LogLevel.Information, EventName = "BatchAppended", Message = "L1 {Block}: batch {Batch} of {Tasks} tasks, hash {Hash}")]
    private partial void LogBatch(ulong batch, ulong tasks, Word hash, ulong block);

    [LoggerMessage(Level = LogLevel.Information, EventName = "Claimed", Message = "L1 {Block}: claim {Claim} about batch {Batch} by {Claimer}: state root {StateRoot}")]
    private partial void LogClaimed(ulong batch, Word claim, Word stateRoot, Address claimer, ulong block);

    [LoggerMessage(Level = LogLevel.Information, EventName = "Confirmed", Message = "L1 {Block}: batch {Batch} is confirmed with state root {StateRoot}")]
    private partial void LogConfirmed(ulong batch, Word stateRoot, ulong block);

    [LoggerMessage(Level = LogLevel.Information, EventName = "GenesisConfirmed", Message = "L1 {Block}: genesis is confirmed with state root {StateRoot}")]
    private partial void LogGenesisConfirmed(Word stateRoot, ulong block);

    [LoggerMessage(Level = LogLevel.Information, EventName = "InnerOpened", Message = "L1 {Block}: inner tournament {Tournament} opened, {AllowanceOne} s and {AllowanceTwo} s")]
    private partial void LogInnerOpened(Word tournament, uint allowanceOne, uint allowanceTwo, ulong block);

    [LoggerMessage(Level = LogLevel.Information, EventName = "Joined", Message = "L1 {Block}: {Claimer} joined {Tournament} with root {Root}, {Balance} s")]
    private partial void LogJoined(Word root, Address claimer, Word tournament, uint balance, ulong block);

    [LoggerMessage(Level = LogLevel.Information, EventName = "Matched", Message = "L1 {Block}: match {Match}: {One} against {Two}")]
    private partial void LogMatched(Word match, Word one, Word two, ulong block);

    [LoggerMessage(Level = LogLevel.Information, EventName = "Advanced", Message = "L1 {Block}: match {Match} is at height {Height}, node {Position}; clocks {BalanceOne} s and {BalanceTwo} s")]
    private partial void LogAdvanced(Word match, int height, ulong position, uint balanceOne, uint balanceTwo, ulong block);

    [LoggerMessage(Level = LogLevel.Information, EventName = "Sealed", Message = "L1 {Block}: match {Match} is sealed at leaf {Position}, phase {Phase}")]
    private partial void LogSealed(Word match, string phase, ulong position, ulong block);

    [LoggerMessage(Level = LogLevel.Information, EventName = "MatchEnded", Message = "L1 {Block}: match {Match} ended: {Outcome}")]
    private partial void LogEnded(Word match, string outcome, ulong block);

    [LoggerMessage(Level = LogLevel.Information, EventName = "Settled", Message = "L1 {Block}: tournament {Tournament} is settled: {Result} {Winner}")]
    private partial void LogSettled(Word tournament, string result, Word winner, ulong block);
}
