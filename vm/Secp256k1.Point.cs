namespace Optimistic.Vm;

/// <summary>A point of secp256k1, y^2 = x^3 + 7, that is not the one at infinity. Coordinates have magnitude 1, but y may have 2.</summary>
internal readonly struct AffinePoint(in FieldElement x, in FieldElement y)
{
    // Fields, here and below: a property would copy 40 bytes at each use.
    public readonly FieldElement X = x, Y = y;

    /// <summary>The generator (SEC 2, section 2.4.1).</summary>
    public static AffinePoint Generator { get; } = new(
        FieldElement.FromUInt256(UInt256.Read(Word.Parse("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"))),
        FieldElement.FromUInt256(UInt256.Read(Word.Parse("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"))));

    /// <summary>The point with this x, given with magnitude 1, and a y of this parity; false when there is none.</summary>
    public static bool TryLift(in FieldElement x, bool isOdd, out AffinePoint point)
    {
        bool exists = ((x.Square() * x) + FieldElement.FromInteger(7)).TrySquareRoot(out FieldElement y);
        point = new(x, y.IsOdd == isOdd ? y : y.Negate(1));
        return exists;
    }

    /// <summary>The point with the other y, of one whose y has magnitude 1.</summary>
    public AffinePoint Negate() => new(X, Y.Negate(1));

    /// <summary>The odd multiples 1, 3, 5, … 2 <paramref name="count"/> - 1 of this.</summary>
    public AffinePoint[] OddMultiples(int count)
    {
        // Additions of one affine point are cheapest. On the curve to which (x, y) -> (x z^2, y z^3) leads, with z that of twice this
        // point, twice this point is affine; the formulas know nothing of the 7 that this changes. The way back is in the last z.
        JacobianPoint twice = new JacobianPoint(this).Double();
        FieldElement zz = twice.Z.Square();
        var step = new AffinePoint(FieldElement.FromUInt256(twice.X.ToUInt256()), FieldElement.FromUInt256(twice.Y.ToUInt256()));
        var sums = new JacobianPoint[count];
        sums[0] = new JacobianPoint(new AffinePoint(X * zz, Y * zz * twice.Z));
        for (int i = 1; i < count; i++)
            sums[i] = sums[i - 1].Add(step);

        return JacobianPoint.ToAffine(sums, twice.Z);
    }

    /// <summary>The multiples 1, 2, 3, … <paramref name="count"/> of this.</summary>
    public AffinePoint[] Multiples(int count)
    {
        var sums = new JacobianPoint[count];
        sums[0] = new JacobianPoint(this);
        for (int i = 1; i < count; i++)
            sums[i] = sums[i - 1].Add(this);
        return JacobianPoint.ToAffine(sums, FieldElement.One);
    }

    /// <summary>2^<paramref name="exponent"/> of this.</summary>
    public AffinePoint TimesPowerOfTwo(int exponent)
    {
        var point = new JacobianPoint(this);
        for (int bit = 0; bit < exponent; bit++)
            point = point.Double();
        return point.ToAffine(point.Z.Invert());
    }
}

/// <summary>
/// A point (X / Z^2, Y / Z^3), or the one at infinity. Magnitudes are at most 5 of X, 3 of Y, 1 of Z. Additions and doublings are those
/// for a = 0 (Explicit-Formulas Database), doubling with all divided by two, complete: they also serve where the operands are equal,
/// opposite or infinity.
/// </summary>
internal readonly struct JacobianPoint
{
    private const uint MaxMagnitudeOfX = 5, MaxMagnitudeOfY = 3;

    public readonly FieldElement X, Y, Z;

    private readonly bool _isFinite;

    public static JacobianPoint Infinity => default;

    public JacobianPoint(in AffinePoint point)
        : this(point.X, point.Y, FieldElement.One)
    {
    }

    private JacobianPoint(in FieldElement x, in FieldElement y, in FieldElement z)
    {
        X = x;
        Y = y;
        Z = z;
        _isFinite = true;
    }

    public bool IsInfinity => !_isFinite;

    public JacobianPoint Double()
    {
        if (IsInfinity)
            return this;

        FieldElement yy = Y.Square(), slope = (X.Square() * 3).Half(); // 3
        FieldElement minusXyy = (X * yy).Negate(1); // 2
        FieldElement x = slope.Square() + (minusXyy * 2); // 1 + 4
        FieldElement y = ((slope * (x + minusXyy)) + yy.Square()).Negate(2); // 3
        return new(x, y, Y * Z);
    }

    public JacobianPoint Add(in AffinePoint other)
    {
        if (IsInfinity)
            return new(other);

        FieldElement zz = Z.Square();
        FieldElement across = (other.X * zz) + X.Negate(MaxMagnitudeOfX); // 1 + 6
        FieldElement up = (other.Y * zz * Z) + Y.Negate(MaxMagnitudeOfY); // 1 + 4
        if (across.IsZero)
            return up.IsZero ? Double() : Infinity;

        FieldElement square = across.Square(), cube = square * across, v = X * square;
        FieldElement x = up.Square() + (cube + (v * 2)).Negate(3); // 1 + 4
        FieldElement y = (up * (v + x.Negate(5))) + (Y * cube).Negate(1); // 1 + 6, 1 + 2
        return new(x, y, Z * across);
    }

    /// <summary>These as x and y, none of them infinity, with all Z multiplied by <paramref name="commonZ"/> first.</summary>
    public static AffinePoint[] ToAffine(ReadOnlySpan<JacobianPoint> points, in FieldElement commonZ)
    {
        // All z inverted at the price of one: before[i] is the product of those before i.
        var before = new FieldElement[points.Length];
        FieldElement product = FieldElement.One;
        for (int i = 0; i < points.Length; i++)
        {
            before[i] = product;
            product *= points[i].Z;
        }

        // 1 / (the common z x the product of all z up to i), from the last down.
        FieldElement inverse = (product * commonZ).Invert();
        var affine = new AffinePoint[points.Length];
        for (int i = points.Length - 1; i >= 0; i--)
        {
            affine[i] = points[i].ToAffine(inverse * before[i]);
            inverse *= points[i].Z;
        }

        return affine;
    }

    /// <summary>This as x and y, with 1 / Z at hand.</summary>
    public AffinePoint ToAffine(in FieldElement inverseOfZ)
    {
        FieldElement square = inverseOfZ.Square();
        return new(X * square, Y * square * inverseOfZ);
    }
}
