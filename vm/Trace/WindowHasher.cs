using System.Runtime.CompilerServices;


namespace Optimistic.Vm.Trace;

/// <summary>Receives the 1024 leaves of a piece, valid during the call only, and the node of height 5 over them.</summary>
internal delegate void PieceHashed(ReadOnlySpan<Word> leaves, Word root);

/// <summary>
/// Runs a machine in windows and hashes its root after every step: memory roots from <see cref="MemoryHistory"/>, registers replayed
/// from a copy every 1024 steps, on all cores.
/// </summary>
internal sealed unsafe class WindowHasher : IDisposable
{
    private const int PieceSteps = WindowLog.PieceSteps;

    /// <summary>Pieces hashed before they are handed over in order.</summary>
    private const int MaxPieces = WindowLog.MaxSteps / PieceSteps;

    private const int BatchNodes = 64;

    private readonly Machine _machine;
    private readonly ForgedWord? _forged;
    private readonly WindowLog _log = new();
    private readonly MemoryHistory _history;
    private readonly NativeArena _arena = new((ulong)WindowLog.MaxSteps * Word.Length);
    private readonly Word* _leaves;
    private readonly Word[] _pieceRoots = new Word[MaxPieces];
    private Word _firstMemoryRoot;

    /// <summary>The machine's memory belongs to this object until it is disposed of.</summary>
    public WindowHasher(Machine machine, ForgedWord? forged)
    {
        _machine = machine;
        _forged = forged;
        _history = new MemoryHistory(machine.Memory);
        _leaves = _arena.Take<Word>(WindowLog.MaxSteps);
    }

    /// <summary>The machine root after the last step hashed.</summary>
    public Word LastRoot { get; private set; }

    /// <summary>Runs the next window, of at most <paramref name="maxSteps"/> steps, which starts with step <paramref name="firstStep"/> of the chunk.</summary>
    /// <returns>Steps made, fewer only when the machine has stopped.</returns>
    public int Run(ulong firstStep, int maxSteps)
    {
        _log.Begin(_machine.Head);
        _firstMemoryRoot = _history.Root;
        if (_forged is { } lie && lie.Step >= firstStep && lie.Step - firstStep < (ulong)maxSteps)
        {
            ulong before = lie.Step + 1 - firstStep;
            if (Execute(before) == before)
            {
                Forge(lie);
                Execute((ulong)maxSteps - before);
            }
        }
        else
        {
            Execute((ulong)maxSteps);
        }

        _log.End(_machine.Head);
        return _log.Steps;
    }

    /// <summary>Hashes the window, and hands over its pieces in order; the last one is filled up with the last root.</summary>
    public void HashPieces(PieceHashed handOver)
    {
        int steps = _log.Steps, pieces = (steps + PieceSteps - 1) / PieceSteps;
        if (pieces == 0)
            return;

        Word* memoryRoots = _history.Hash(_log);
        Parallel.For(0, pieces, () => new Scratch(), (piece, _, scratch) =>
        {
            HashPiece(piece, memoryRoots, scratch);
            return scratch;
        }, scratch => scratch.Dispose());

        LastRoot = _leaves[steps - 1];
        for (int piece = 0; piece < pieces; piece++)
            handOver(new ReadOnlySpan<Word>(_leaves + (piece * PieceSteps), PieceSteps), _pieceRoots[piece]);
    }

    public void Dispose()
    {
        _log.Dispose();
        _history.Dispose();
        _arena.Dispose();
    }

    private ulong Execute(ulong maxSteps)
    {
        NoTracer tracer = default;
        var state = new TracedState(_machine, ref tracer, _log, _history);
        ulong steps = Interpreter.Execute(ref state, maxSteps);
        GC.KeepAlive(_machine);
        return steps;
    }

    private void Forge(in ForgedWord lie)
    {
        Word old = _machine.Memory.ReadWord(lie.Index);
        if (old == lie.Value)
            return;

        _history.Prepare(lie.Index);
        _machine.Memory.WriteWord(lie.Index, lie.Value);
        _log.Write(lie.Index, old, lie.Value);
    }

    private void HashPiece(int piece, Word* memoryRoots, Scratch scratch)
    {
        int first = piece * PieceSteps, count = Math.Min(PieceSteps, _log.Steps - first);
        HashRegisters(piece, first, count, scratch);

        // The root after step t is the quad of the memory root after the last write up to t, both register groups, and control.
        int write = LastWriteBefore(first);
        Word firstRoot = _firstMemoryRoot;
        Word* leaves = _leaves + first;
        byte** children = stackalloc byte*[4 * BatchNodes];
        for (int start = 0; start < count; start += BatchNodes)
        {
            int batch = Math.Min(BatchNodes, count - start);
            for (int i = 0; i < batch; i++)
            {
                int t = first + start + i;
                while (write + 1 < _log.Writes && _log.WriteSteps[write + 1] <= t)
                    write++;

                *(ControlWord*)(scratch.Controls + i) = _log.ControlAfter(t);
                children[4 * i] = (byte*)(write < 0 ? &firstRoot : memoryRoots + write);
                children[(4 * i) + 1] = (byte*)(scratch.GroupHashes + scratch.LowGroups[start + i]);
                children[(4 * i) + 2] = (byte*)(scratch.GroupHashes + scratch.HighGroups[start + i]);
                children[(4 * i) + 3] = (byte*)(scratch.Controls + i);
            }

            Keccak.Gather(children, (byte*)(leaves + start), batch);
        }

        // Only the last piece of a machine that has stopped is not full.
        new Span<Word>(leaves + count, PieceSteps - count).Fill(leaves[count - 1]);

        ReadOnlySpan<Word> level = new(leaves, PieceSteps);
        for (int nodes = PieceSteps / 4; nodes > 0; nodes /= 4)
        {
            var parents = new Span<Word>(scratch.Nodes, nodes);
            Keccak.Nodes(level, parents);
            level = parents;
        }

        _pieceRoots[piece] = level[0];
    }

    /// <summary>Hashes each state that each group of 16 registers has in a piece, once, and notes which one it has after each step.</summary>
    private void HashRegisters(int piece, int first, int count, Scratch scratch)
    {
        const int GroupRegisters = RegisterFile.Count / 2, GroupLength = GroupRegisters * sizeof(ulong);
        RegisterFile registers = _log.Pieces[piece];
        byte* x = (byte*)&registers;
        Unsafe.CopyBlockUnaligned(scratch.Groups, x, 2 * GroupLength);
        int states = 2, low = 0, high = 1;
        for (int i = 0; i < count; i++)
        {
            int register = _log.Registers[first + i];
            ulong result = _log.Results[first + i];
            if (register != 0 && registers[register] != result)
            {
                registers[register] = result;
                int group = register / GroupRegisters;
                Unsafe.CopyBlockUnaligned(scratch.Groups + (states * GroupLength), x + (group * GroupLength), GroupLength);
                if (group == 0)
                    low = states;
                else
                    high = states;

                states++;
            }

            scratch.LowGroups[i] = low;
            scratch.HighGroups[i] = high;
        }

        Keccak.Nodes(scratch.Groups, (byte*)scratch.GroupHashes, states);
    }

    /// <summary>The last write before a step, or -1.</summary>
    private int LastWriteBefore(int step)
    {
        int low = 0, high = _log.Writes;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_log.WriteSteps[middle] < step)
                low = middle + 1;
            else
                high = middle;
        }

        return low - 1;
    }

    /// <summary>What one thread needs for a piece.</summary>
    private sealed class Scratch : IDisposable
    {
        private const int MaxGroups = PieceSteps + 2;

        private readonly NativeArena _arena = new(
            (ulong)MaxGroups * (Keccak.NodeLength + Word.Length) + (2 * PieceSteps * sizeof(int)) + (BatchNodes + (PieceSteps / 4)) * Word.Length);

        public Scratch()
        {
            Groups = _arena.Take<byte>(MaxGroups * Keccak.NodeLength);
            GroupHashes = _arena.Take<Word>(MaxGroups);
            LowGroups = _arena.Take<int>(PieceSteps);
            HighGroups = _arena.Take<int>(PieceSteps);
            Controls = _arena.Take<Word>(BatchNodes);
            Nodes = _arena.Take<Word>(PieceSteps / 4);
        }

        /// <summary>States of register groups, 128 bytes each, and their hashes.</summary>
        public byte* Groups { get; }

        public Word* GroupHashes { get; }

        /// <summary>After each step, which state x0..x15 and x16..x31 have.</summary>
        public int* LowGroups { get; }

        public int* HighGroups { get; }

        public Word* Controls { get; }

        public Word* Nodes { get; }

        public void Dispose() => _arena.Dispose();
    }
}
