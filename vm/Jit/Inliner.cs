namespace Optimistic.Vm.Jit;

/// <summary>
/// Puts the blocks of short functions that call none behind their calls, once more for each, the hottest calls first. Of a
/// function that leaves ra alone it is known where it returns. The functions themselves stay where they are, for others.
/// </summary>
internal static class Inliner
{
    private const int ReturnAddress = 1;

    /// <summary>Of a function.</summary>
    private const int MaxBlocks = 12, MaxLength = 64;

    /// <summary>A call is hot from this part of the hottest block's count on.</summary>
    private const int HotShare = 64;

    /// <summary>A region grows by this part of what it has, and a little.</summary>
    private const int GrowthShare = 2, LeastGrowth = 256;

    /// <summary>Adds the blocks to a region whose blocks are resolved, ascending, and not numbered yet.</summary>
    public static void Inline(Region region, int maxInstructions)
    {
        int instructions = 0, hottest = 0;
        var calls = new List<Block>();
        foreach (Block block in region.Blocks)
        {
            instructions += block.Instructions.Length;
            hottest = Math.Max(hottest, block.Count);
            if (block is { End: BlockEnd.Jump, TargetBlock: not null } && block.Last.Rd == ReturnAddress && region.Find(block.Next) is not null)
                calls.Add(block);
        }

        calls.RemoveAll(call => Count(region, call) < hottest / HotShare);
        if (calls.Count == 0)
            return;

        calls.Sort((a, b) => Count(region, b).CompareTo(Count(region, a)) is not 0 and var order ? order : a.Pc.CompareTo(b.Pc));
        int room = Math.Min(instructions / GrowthShare + LeastGrowth, maxInstructions - instructions);
        var bodies = new Dictionary<Block, List<Block>>();
        var inlined = new Dictionary<Block, List<Block>>();
        foreach (Block call in calls)
        {
            Block function = call.TargetBlock!;
            if (!bodies.TryGetValue(function, out List<Block>? body))
                bodies.Add(function, body = Body(function));
            int length = 0;
            foreach (Block block in body)
                length += block.Instructions.Length;
            if (length == 0 || length > room)
                continue;

            room -= length;
            inlined.Add(call, Copy(body, call, region.Find(call.Next)!, Count(region, call)));
        }

        if (inlined.Count == 0)
            return;

        var blocks = new List<Block>();
        foreach (Block block in region.Blocks)
        {
            blocks.Add(block);
            if (inlined.TryGetValue(block, out List<Block>? copies))
                blocks.AddRange(copies);
        }

        region.Blocks.Clear();
        region.Blocks.AddRange(blocks);
    }

    /// <summary>How often it calls: as often as control comes there, or back.</summary>
    private static int Count(Region region, Block call) => Math.Max(call.Count, region.Find(call.Next)!.Count);

    private static bool IsReturn(Block block) =>
        block.End == BlockEnd.Indirect && block.Last is { Rd: 0, Rs1: ReturnAddress, Immediate: 0 };

    /// <summary>The blocks of a function, ascending; none if it cannot be inlined. What is not in the region stays outside.</summary>
    private static List<Block> Body(Block function)
    {
        var body = new List<Block> { function };
        int length = 0;
        bool returns = false;
        for (int index = 0; index < body.Count; index++)
        {
            Block block = body[index];
            length += block.Instructions.Length;
            returns |= IsReturn(block);
            if (body.Count > MaxBlocks || length > MaxLength || block.End == BlockEnd.Stop || block.End == BlockEnd.Indirect && !IsReturn(block))
                return [];

            foreach (Instruction i in block.Instructions)
            {
                if (i.Rd == ReturnAddress)
                    return [];
            }

            if (block.NextBlock is { } next && !body.Contains(next))
                body.Add(next);
            if (block.TargetBlock is { } target && !body.Contains(target))
                body.Add(target);
        }

        body.Sort((a, b) => a.Pc.CompareTo(b.Pc));
        return returns ? body : [];
    }

    private static List<Block> Copy(List<Block> body, Block call, Block behind, int count)
    {
        var copies = new List<Block>(body.Count);
        foreach (Block block in body)
        {
            copies.Add(new Block(block.Pc)
            {
                Instructions = block.Instructions,
                Pcs = block.Pcs,
                Next = block.Next,
                End = IsReturn(block) ? BlockEnd.Jump : block.End,
                Target = IsReturn(block) ? call.Next : block.Target,
                Count = (int)Math.Min((long)block.Count * count / Math.Max(call.TargetBlock!.Count, 1), int.MaxValue),
                IsInlined = true,
            });
        }

        for (int index = 0; index < copies.Count; index++)
        {
            copies[index].NextBlock = CopyOf(body[index].NextBlock);
            copies[index].TargetBlock = IsReturn(body[index]) ? behind : CopyOf(body[index].TargetBlock);
        }

        call.TargetBlock = CopyOf(call.TargetBlock);
        call.CallsInlined = true;
        return copies;

        Block? CopyOf(Block? block) => block is null ? null : copies[body.IndexOf(block)];
    }
}
