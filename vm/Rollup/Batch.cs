using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Optimistic.Vm.Rollup;

/// <summary>What a transition of level 0 reads of its batch (spec 3.3); the struct of the same name in Solidity.</summary>
/// <param name="TasksRoot">Root over the task hashes, height 6.</param>
/// <param name="Count">Tasks, 1 to 4096.</param>
/// <param name="Time">L1 time in seconds.</param>
/// <param name="BlockNumber">L1 block.</param>
/// <param name="DomainSeparator">Of the signatures (spec 5.2.2).</param>
public readonly record struct BatchContext(Word TasksRoot, ulong Count, ulong Time, ulong BlockNumber, Word DomainSeparator);

/// <summary>An ordered batch of tasks (spec 2.7).</summary>
public sealed class Batch
{
    /// <summary>Tasks in the largest batch (spec 2.7.1).</summary>
    public const int MaxTasks = 4096;

    /// <exception cref="ArgumentException">No task, or more than <see cref="MaxTasks"/>.</exception>
    public Batch(Word previousHash, ImmutableArray<RollupTask> tasks, ulong time, ulong blockNumber)
    {
        if (tasks.Length is 0 or > MaxTasks)
            throw new ArgumentException($"A batch has 1 to {MaxTasks} tasks, not {tasks.Length}.", nameof(tasks));

        PreviousHash = previousHash;
        Tasks = tasks;
        Time = time;
        BlockNumber = blockNumber;
        TasksTree = SparseQuadTree.Empty(QuadTree.TasksHeight).SetRange(0, [.. tasks.Select(task => task.Hash)]);
    }

    /// <summary>Hash of the batch before; zero before the first.</summary>
    public Word PreviousHash { get; }

    public ImmutableArray<RollupTask> Tasks { get; }

    /// <summary>L1 time in seconds.</summary>
    public ulong Time { get; }

    /// <summary>L1 block number.</summary>
    public ulong BlockNumber { get; }

    public Word TasksRoot => TasksTree.Root;

    /// <summary>The batch hash (spec 2.7.2).</summary>
    public Word Hash
    {
        get
        {
            Span<byte> head = stackalloc byte[Word.Length];
            head.Clear();
            BinaryPrimitives.WriteUInt64BigEndian(head[24..], (ulong)Tasks.Length);
            BinaryPrimitives.WriteUInt64BigEndian(head[16..], Time);
            BinaryPrimitives.WriteUInt64BigEndian(head[8..], BlockNumber);
            return Keccak.Quad(PreviousHash, TasksRoot, new Word(head), Word.Zero);
        }
    }

    internal SparseQuadTree TasksTree { get; }

    public BatchContext Context(Word domainSeparator) => new(TasksRoot, (ulong)Tasks.Length, Time, BlockNumber, domainSeparator);
}
