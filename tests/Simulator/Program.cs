using System.CommandLine;
using Optimistic.Simulator;

var games = new Option<int>("--games") { Description = "Random games to play.", DefaultValueFactory = _ => 10_000 };
var seed = new Option<int>("--seed") { Description = "Seed of the first game; game i has seed + i.", DefaultValueFactory = _ => 1 };
var json = new Option<bool>("--json") { Description = "Print one JSON object." };
var mutants = new Option<bool>("--mutants") { Description = "Also break every rule of the model and look for the property that notices. On with --json." };
var trace = new Option<bool>("--trace") { Description = "Print every transaction of the one game of --seed." };
var small = new Option<bool>("--small") { Description = "Play every schedule of the small games instead, and of those that are too large for the tests." };
var sweep = new Option<int>("--sweep") { Description = "Measure instead what liars with 1, 2, 4, ... up to so many bonds can delay and cost: the table on the output, the plot in --plot." };
var variant = new Option<int>("--variant") { Description = "Play the games by another of the rules that --rules weighs: its line in that table, from 0." };
var plot = new Option<string?>("--plot") { Description = "File for the plot of --sweep, SVG." };
var rules = new Option<int>("--rules") { Description = "Weigh instead the rules of pairing and of clocks against each other, with liars of up to so many bonds." };
var replay = new Option<bool>("--replay") { Description = "Replay every transaction of the games on the real contracts in anvil, and compare the states." };
var root = new RootCommand("Plays the dispute game of spec 4 in a model, with the challenger's solver against adversaries.") { games, seed, mutants, json, trace, small, sweep, rules, variant, plot, replay };
root.SetAction(parsed =>
    parsed.GetValue(replay) ? Commands.Replay(parsed.GetValue(games), parsed.GetValue(seed), parsed.GetValue(json), parsed.GetValue(trace))
    : parsed.GetValue(small) ? Commands.Small()
    : parsed.GetValue(sweep) is int bonds and > 0 ? Commands.Sweep(bonds, parsed.GetValue(seed), parsed.GetValue(plot))
    : parsed.GetValue(rules) is int most and > 0 ? Commands.Rules(most, parsed.GetValue(seed))
    : Commands.Run(parsed.GetValue(games), parsed.GetValue(seed), parsed.GetValue(mutants) || parsed.GetValue(json), parsed.GetValue(json), parsed.GetValue(trace), Variant.All[parsed.GetValue(variant)]));
return await root.Parse(args).InvokeAsync();
