// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestMachine} from "./TestMachine.sol";
import {VerifierTest} from "./VerifierTest.sol";

/// Directed tests of the instruction step: values written by hand from the ISA manual, one block per family in the order
/// of specs/instructions.tsv. An instruction is the table's `match` with registers x5 (rs1), x6 (rs2), x7 (rd).
contract StepTest is VerifierTest {
    uint64 private constant MIN = 0x8000000000000000;
    uint64 private constant MAX = 0x7fffffffffffffff;
    uint64 private constant ONES = 0xffffffffffffffff;
    uint64 private constant WMIN = 0xffffffff80000000;

    function machine() private pure returns (TestMachine memory m) {
        m.pc = 0x1000;
        m.stepsLeft = 10;
        // Every register has a value of its own, so that reading or writing a wrong one shows.
        for (uint64 i = 1; i < 32; i++) {
            m.x[i] = 0x0101010101010101 * i;
        }
    }

    function step(TestMachine memory m, bytes memory accesses) private view returns (bytes32) {
        bytes memory machine_ = accesses.length == 0 ? m.closed() : m.item();
        return _verifier.step(m.root(), bytes.concat(machine_, accesses));
    }

    /// rd := expected, for an instruction that reads x5 = a and x6 = b.
    function calculates(uint32 match_, uint64 a, uint64 b, uint64 expected) private view {
        TestMachine memory m = machine();
        (m.x[5], m.x[6]) = (a, b);
        bytes32 result = step(m.text(match_ | 6 << 20 | 5 << 15 | 7 << 7), m.fetch());
        finish(m, 4, 7, expected, result);
    }

    /// rd := expected, for an instruction that reads x5 = a and has `high` in its bits 20–31.
    function immediate(uint32 match_, uint64 a, uint32 high, uint64 expected) private view {
        TestMachine memory m = machine();
        m.x[5] = a;
        bytes32 result = step(m.text(match_ | high << 20 | 5 << 15 | 7 << 7), m.fetch());
        finish(m, 4, 7, expected, result);
    }

    function finish(TestMachine memory m, uint64 length, uint256 rd, uint64 value, bytes32 result) private pure {
        m.pc += length;
        m.stepsLeft--;
        if (rd != 0) m.x[rd] = value;
        vm.assertEq(result, m.root());
    }

    /// The step ends with this status, and only steps left changes (spec 1.4.5).
    function stops(TestMachine memory m, bytes memory accesses, uint8 status) private view {
        bytes32 result = step(m, accesses);
        m.status = status;
        m.stepsLeft--;
        vm.assertEq(result, m.root());
    }

    // ---- RV64I ------------------------------------------------------------------------------------------------------

    function testUpperImmediates() external view {
        TestMachine memory m = machine();
        finish(m, 4, 7, WMIN, step(m.text(0x800003b7), m.fetch())); // LUI x7, 0x80000
        m = machine();
        finish(m, 4, 7, 0x7ffff000, step(m.text(0x7ffff3b7), m.fetch()));
        m = machine();
        finish(m, 4, 7, 0xffffffff80001000, step(m.text(0x80000397), m.fetch())); // AUIPC x7, 0x80000
        m = machine();
        finish(m, 4, 7, 0x2000, step(m.text(0x00001397), m.fetch()));
    }

    function testJumps() external view {
        TestMachine memory m = machine();
        bytes32 result = step(m.text(0x800003ef), m.fetch()); // JAL x7, -1 MiB
        m.pc = 0xfffffffffff01000;
        finish(m, 0, 7, 0x1004, result);
        m = machine();
        result = step(m.text(0x7ffff3ef), m.fetch()); // JAL x7, 0xffffe
        m.pc = 0x100ffe;
        finish(m, 0, 7, 0x1004, result);
        m = machine();
        result = step(m.text(0x003283e7), m.fetch()); // JALR x7, 3(x5): bit 0 is cleared
        m.pc = 0x0505050505050508;
        finish(m, 0, 7, 0x1004, result);
        m = machine();
        result = step(m.text(0xfff282e7), m.fetch()); // JALR x5, -1(x5): the target is from the old x5
        m.pc = 0x0505050505050504;
        finish(m, 0, 5, 0x1004, result);
    }

    function testBranches() external view {
        branches(0x00000063, 5, 5, 5, 6); // BEQ
        branches(0x00001063, 5, 6, 5, 5); // BNE
        branches(0x00004063, ONES, 0, 0, ONES); // BLT
        branches(0x00004063, MIN, MAX, 7, 7);
        branches(0x00005063, 0, ONES, ONES, 0); // BGE
        branches(0x00005063, 7, 7, MIN, MAX);
        branches(0x00006063, 0, ONES, ONES, 0); // BLTU
        branches(0x00006063, 1, 2, 2, 2);
        branches(0x00007063, ONES, 0, 0, ONES); // BGEU
        branches(0x00007063, 2, 2, 1, 2);
    }

    /// Taken with (a, b), to pc − 4096 and pc + 2730; not taken with (c, d).
    function branches(uint32 match_, uint64 a, uint64 b, uint64 c, uint64 d) private view {
        match_ |= 6 << 20 | 5 << 15;
        TestMachine memory m = machine();
        (m.x[5], m.x[6]) = (a, b);
        bytes32 result = step(m.text(match_ | 0x80000000), m.fetch());
        m.pc = 0;
        finish(m, 0, 0, 0, result);
        m = machine();
        (m.x[5], m.x[6]) = (a, b);
        result = step(m.text(match_ | 0x2a000580), m.fetch());
        m.pc = 0x1000 + 0xaaa;
        finish(m, 0, 0, 0, result);
        m = machine();
        (m.x[5], m.x[6]) = (c, d);
        result = step(m.text(match_ | 0x80000000), m.fetch());
        finish(m, 4, 0, 0, result);
    }

    function testLoads() external view {
        loads(0x00000003, 0xffffffffffffff88); // LB
        loads(0x00001003, 0xffffffffffff9988); // LH
        loads(0x00002003, 0xffffffffbbaa9988); // LW
        loads(0x00003003, 0xffeeddccbbaa9988); // LD
        loads(0x00004003, 0x88); // LBU
        loads(0x00005003, 0x9988); // LHU
        loads(0x00006003, 0xbbaa9988); // LWU
    }

    /// At each offset of a word that crosses and does not, and at both ends of the address space (spec 1.2.2).
    function loads(uint32 match_, uint64 expected) private view {
        uint64 size = uint64(1) << ((match_ >> 12) & 3);
        for (uint64 place = 0x20000018; place <= 0x20000020; place++) {
            this.loadsAt(match_, place + 4, place, size, expected);
        }
        // The paths of the two words part at each height there is in a quarter.
        for (uint64 height = 0; height < 13; height++) {
            uint64 place = uint64(32 * 4 ** height - 1);
            this.loadsAt(match_, place + 4, place, size, expected);
        }
        this.loadsAt(match_, 4, 0, size, expected);
        this.loadsAt(match_, 0x100000003, 0xffffffff, size, expected);
        this.loadsAt(match_, 0xabcdef1300000001, 0xfffffffd, size, expected);
    }

    /// The instruction's immediate is −4. External so that each case starts with empty memory.
    function loadsAt(uint32 match_, uint64 base, uint64 place, uint64 size, uint64 expected) external view {
        TestMachine memory m = machine();
        m.x[5] = base;
        m.poke(place, 0xffeeddccbbaa9988, size);
        m.text(match_ | 0xffc << 20 | 5 << 15 | 7 << 7);
        bytes memory accesses = bytes.concat(m.fetch(), m.access(place));
        if (place % 32 + size > 32) accesses = bytes.concat(accesses, m.accessNext(place + size - 1));
        finish(m, 4, 7, expected, step(m, accesses));
    }

    function testLoadIntoZeroStillReads() external view {
        TestMachine memory m = machine();
        m.x[5] = 0x40;
        m.text(0x0002b003); // LD x0, 0(x5)
        finish(m, 4, 0, 0, step(m, bytes.concat(m.fetch(), m.access(0x40))));
    }

    function testStores() external view {
        for (uint32 row = 0; row < 4; row++) {
            uint32 match_ = 0x23 | row << 12;
            for (uint64 place = 0x20000018; place <= 0x20000020; place++) {
                this.storesAt(match_, place + 4, place, uint64(1) << row);
            }
            for (uint64 height = 0; height < 13; height++) {
                uint64 place = uint64(3 * 32 * 4 ** height - 1);
                this.storesAt(match_, place + 4, place, uint64(1) << row);
            }
            this.storesAt(match_, 4, 0, uint64(1) << row);
            this.storesAt(match_, 0xabcdef1300000003, 0xffffffff, uint64(1) << row);
        }
    }

    /// As loadsAt; the bytes around the access are not zero and stay.
    function storesAt(uint32 match_, uint64 base, uint64 place, uint64 size) external view {
        TestMachine memory m = machine();
        m.x[5] = base;
        m.x[6] = 0xffeeddccbbaa9988;
        uint256 start = place - place % 32;
        for (uint256 i = start; i < start + 64; i += 8) {
            m.poke(i, 0x1122334455667788, 8);
        }
        m.text(match_ | 0xfe000000 | 6 << 20 | 5 << 15 | 0x1c << 7);
        bytes32 before = m.root();
        bytes memory witness = bytes.concat(m.item(), m.fetch(), m.access(place));
        uint64 first = 32 - place % 32;
        if (size <= first) {
            m.poke(place, m.x[6], size);
        } else {
            witness = bytes.concat(witness, m.accessNext(place + first));
            m.poke(place, m.x[6], first);
            m.poke(place + first, m.x[6] >> (8 * first), size - first);
        }
        finish(m, 4, 0, 0, _verifier.step(before, witness));
    }

    function testImmediates() external view {
        immediate(0x00000013, 5, 0xfff, 4); // ADDI
        immediate(0x00000013, ONES, 1, 0);
        immediate(0x00002013, MIN, 0, 1); // SLTI
        immediate(0x00002013, 0, 0xfff, 0);
        immediate(0x00003013, 0, 0xfff, 1); // SLTIU
        immediate(0x00003013, ONES, 0xfff, 0);
        immediate(0x00004013, 0xff, 0xf0f, 0xfffffffffffffff0); // XORI
        immediate(0x00006013, 0xf0, 0x80f, 0xfffffffffffff8ff); // ORI
        immediate(0x00007013, ONES, 0x7ff, 0x7ff); // ANDI
        immediate(0x00001013, 3, 63, MIN); // SLLI
        immediate(0x00005013, MIN, 63, 1); // SRLI
        immediate(0x40005013, MIN, 63, ONES); // SRAI
        immediate(0x0000001b, 0x7fffffff, 1, WMIN); // ADDIW
        immediate(0x0000001b, 0xffffffff00000000, 0xfff, ONES);
        immediate(0x0000101b, 0xffffffff00000001, 31, WMIN); // SLLIW
        immediate(0x0000501b, 0xffffffff80000000, 31, 1); // SRLIW
        immediate(0x0000501b, 0x0000000180000000, 0, WMIN);
        immediate(0x4000501b, 0x80000000, 31, ONES); // SRAIW
    }

    function testRegisters() external view {
        calculates(0x00000033, ONES, 2, 1); // ADD
        calculates(0x40000033, 1, 2, ONES); // SUB
        calculates(0x00001033, 3, 0x7f, MIN); // SLL
        calculates(0x00002033, ONES, 0, 1); // SLT
        calculates(0x00002033, 0, MIN, 0);
        calculates(0x00003033, ONES, 0, 0); // SLTU
        calculates(0x00003033, 0, MIN, 1);
        calculates(0x00004033, 0xf0, 0xff, 0x0f); // XOR
        calculates(0x00005033, MIN, 0x43, 0x1000000000000000); // SRL
        calculates(0x40005033, MIN, 0x43, 0xf000000000000000); // SRA
        calculates(0x00006033, 0xf0, 0x0f, 0xff); // OR
        calculates(0x00007033, 0xf1, 0x1f, 0x11); // AND
        calculates(0x0000003b, 0x7fffffff, 1, WMIN); // ADDW
        calculates(0x0000003b, 0xffffffff00000000, 0x100000001, 1);
        calculates(0x4000003b, 0, 1, ONES); // SUBW
        calculates(0x4000003b, WMIN, 1, 0x7fffffff);
        calculates(0x0000103b, 1, 0x3f, WMIN); // SLLW
        calculates(0x0000503b, ONES, 0x21, 0x7fffffff); // SRLW
        calculates(0x4000503b, 0x80000000, 0x21, 0xffffffffc0000000); // SRAW
    }

    function testWritesToZeroAreDropped() external view {
        TestMachine memory m = machine();
        finish(m, 4, 0, 0, step(m.text(0x00500013), m.fetch())); // ADDI x0, x0, 5
    }

    function testEveryRegisterIsReadAndWritten() external view {
        for (uint32 i = 1; i < 32; i++) {
            TestMachine memory m = machine();
            bytes32 result = step(m.text(0x33 | i << 20 | i << 15 | i << 7), m.fetch()); // ADD xi, xi, xi
            finish(m, 4, i, 2 * m.x[i], result);
        }
    }

    function testFences() external view {
        TestMachine memory m = machine();
        finish(m, 4, 0, 0, step(m.text(0x0ff0000f), m.fetch()));
        m = machine();
        finish(m, 4, 0, 0, step(m.text(0xffff8f8f), m.fetch())); // FENCE with every other field set
        m = machine();
        finish(m, 4, 0, 0, step(m.text(0xffff9f8f), m.fetch())); // FENCE.I, the same
    }

    function testExit() external view {
        TestMachine memory m = machine();
        (m.x[17], m.x[10], m.x[11], m.reservation) = (93, 0xabcdef0012345678, 2 ** 29, 0x41);
        bytes32 result = step(m.text(0x00000073), m.fetch());
        (m.status, m.exitCode) = (1, 0x12345678);
        finish(m, 0, 0, 0, result);
        m = machine();
        (m.x[17], m.x[11]) = (93, 2 ** 29 + 1);
        m.text(0x00000073);
        stops(m, m.fetch(), 7);
    }

    function testOtherCalls() external view {
        TestMachine memory m = machine();
        m.x[17] = 64;
        finish(m, 4, 10, m.x[12], step(m.text(0x00000073), m.fetch()));
        m = machine();
        m.x[17] = 0x10000005d; // all 64 bits count (spec 1.6.1)
        finish(m, 4, 10, 0xffffffffffffffda, step(m.text(0x00000073), m.fetch()));
    }

    // ---- M ----------------------------------------------------------------------------------------------------------

    function testM() external view {
        calculates(0x02000033, 0x100000001, 0x100000001, 0x200000001); // MUL
        calculates(0x02001033, MIN, MIN, 0x4000000000000000); // MULH
        calculates(0x02001033, ONES, 1, ONES);
        calculates(0x02002033, ONES, ONES, ONES); // MULHSU
        calculates(0x02002033, MAX, ONES, 0x7ffffffffffffffe);
        calculates(0x02003033, ONES, ONES, 0xfffffffffffffffe); // MULHU
        calculates(0x02004033, 0xfffffffffffffff9, 2, 0xfffffffffffffffd); // DIV −7 / 2
        calculates(0x02004033, 7, 0, ONES);
        calculates(0x02004033, MIN, ONES, MIN);
        calculates(0x02005033, 0xfffffffffffffff9, 2, 0x7ffffffffffffffc); // DIVU
        calculates(0x02005033, 7, 0, ONES);
        calculates(0x02006033, 0xfffffffffffffff9, 2, ONES); // REM −7 % 2
        calculates(0x02006033, 7, 0, 7);
        calculates(0x02006033, MIN, ONES, 0);
        calculates(0x02007033, 0xfffffffffffffff9, 2, 1); // REMU
        calculates(0x02007033, MIN, 0, MIN);
        calculates(0x0200003b, 0x12345678ffffffff, 2, 0xfffffffffffffffe); // MULW
        calculates(0x0200403b, 0xfffffff9, 2, 0xfffffffffffffffd); // DIVW
        calculates(0x0200403b, 7, 0x100000000, ONES);
        calculates(0x0200403b, 0x80000000, 0xffffffff, WMIN);
        calculates(0x0200503b, 0xffffffff, 1, ONES); // DIVUW
        calculates(0x0200503b, 0xffffffff, 2, 0x7fffffff);
        calculates(0x0200503b, 7, 0x100000000, ONES);
        calculates(0x0200603b, 0xfffffff9, 2, ONES); // REMW
        calculates(0x0200603b, 0x80000000, 0xffffffff, 0);
        calculates(0x0200603b, 0x80000000, 0, WMIN);
        calculates(0x0200703b, 0xffffffff, 0x80000000, 0x7fffffff); // REMUW
        calculates(0x0200703b, 0xf0000000, 0, 0xfffffffff0000000);
    }

    // ---- A ----------------------------------------------------------------------------------------------------------

    function testLoadReserved() external view {
        TestMachine memory m = machine();
        (m.x[5], m.reservation) = (0xffff00000000005c, 0x77);
        m.poke(0x5c, 0x80000001, 4);
        m.text(0x1602a3af); // LR.W.aqrl x7, (x5)
        bytes32 result = step(m, bytes.concat(m.fetch(), m.access(0x5c)));
        m.reservation = 0x5d;
        finish(m, 4, 7, 0xffffffff80000001, result);
        m = machine();
        m.x[5] = 0x58;
        m.poke(0x58, 0x8000000180000001, 8);
        m.text(0x1002b3af); // LR.D x7, (x5)
        result = step(m, bytes.concat(m.fetch(), m.access(0x58)));
        m.reservation = 0x59;
        finish(m, 4, 7, 0x8000000180000001, result);
    }

    function testStoreConditional() external view {
        for (uint32 width = 2; width < 4; width++) {
            uint32 instruction = 0x180003af | width << 12 | 6 << 20 | 5 << 15;
            TestMachine memory m = machine();
            (m.x[5], m.x[6], m.reservation) = (0x100000058, 0xffeeddccbbaa9988, 0x59);
            m.poke(0x58, ONES, 8);
            m.text(instruction);
            bytes32 before = m.root();
            bytes memory witness = bytes.concat(m.item(), m.fetch(), m.access(0x58));
            m.poke(0x58, m.x[6], 1 << width);
            m.reservation = 0;
            finish(m, 4, 7, 0, _verifier.step(before, witness));

            m = machine();
            (m.x[5], m.reservation) = (0x58, 0x51);
            bytes32 result = step(m.text(instruction), m.fetch());
            m.reservation = 0;
            finish(m, 4, 7, 1, result);
        }
    }

    function testAmo() external view {
        amo(0x08, 7, 9, 9); // AMOSWAP
        amo(0x00, ONES, 9, 8); // AMOADD
        amo(0x20, 0x0ff0, 0x00ff, 0x0f0f); // AMOXOR
        amo(0x60, 0x0ff0, 0x00ff, 0x00f0); // AMOAND
        amo(0x40, 0x0ff0, 0x00ff, 0x0fff); // AMOOR
        amo(0x80, ONES, 1, ONES); // AMOMIN
        amo(0x80, 1, ONES, ONES);
        amo(0xa0, ONES, 1, 1); // AMOMAX
        amo(0xc0, ONES, 1, 1); // AMOMINU
        amo(0xe0, ONES, 1, ONES); // AMOMAXU
    }

    /// Both widths; at the end of a word, with bytes around that stay, aq and rl set, and a reservation that stays.
    /// The word form has another upper half in the register.
    function amo(uint32 funct5, uint64 loaded, uint64 b, uint64 stored) private view {
        for (uint32 width = 2; width < 4; width++) {
            TestMachine memory m = machine();
            uint64 place = uint64(0x60) - (uint64(1) << width);
            m.poke(0x50, 0x1122334455667788, 8);
            m.poke(place, loaded, 1 << width);
            (m.x[5], m.reservation) = (place + (uint64(5) << 32), 0x59);
            m.x[6] = width == 3 ? b : (b & 0xffffffff) | uint64(0x12345678) << 32;
            m.text(0x0600002f | funct5 << 24 | width << 12 | 6 << 20 | 5 << 15 | 7 << 7);
            bytes32 before = m.root();
            bytes memory witness = bytes.concat(m.item(), m.fetch(), m.access(place));
            m.poke(place, stored, 1 << width);
            finish(m, 4, 7, loaded, _verifier.step(before, witness));
        }
    }

    function testMisalignedAtomics() external view {
        uint32[3] memory funct5 = [uint32(2), 3, 0];
        for (uint256 i = 0; i < 3; i++) {
            for (uint32 width = 2; width < 4; width++) {
                TestMachine memory m = machine();
                uint32 rs2 = funct5[i] == 2 ? 0 : 6;
                (m.x[5], m.reservation) = (0x40 + (uint64(1) << (width - 1)), 0x41);
                m.text(0x2f | funct5[i] << 27 | width << 12 | rs2 << 20 | 5 << 15 | 7 << 7);
                stops(m, m.fetch(), 6);
            }
        }
    }

    // ---- Zba, Zbb, Zbs ----------------------------------------------------------------------------------------------

    function testZba() external view {
        calculates(0x0800003b, ONES, 1, 0x100000000); // ADD.UW
        calculates(0x20002033, MIN, 5, 5); // SH1ADD
        calculates(0x2000203b, ONES, 5, 0x200000003); // SH1ADD.UW
        calculates(0x20004033, 0x4000000000000001, 5, 9); // SH2ADD
        calculates(0x2000403b, ONES, 5, 0x400000001); // SH2ADD.UW
        calculates(0x20006033, 3, ONES, 23); // SH3ADD
        calculates(0x2000603b, ONES, 5, 0x7fffffffd); // SH3ADD.UW
        immediate(0x0800101b, ONES, 63, MIN); // SLLI.UW
        immediate(0x0800101b, ONES, 4, 0xffffffff0);
    }

    function testZbb() external view {
        calculates(0x40007033, 0xff, 0x0f, 0xf0); // ANDN
        calculates(0x40006033, 0, 0x0f, 0xfffffffffffffff0); // ORN
        calculates(0x40004033, 0xff, 0x0f, 0xffffffffffffff0f); // XNOR
        immediate(0x60001013, 0, 0, 64); // CLZ
        immediate(0x60001013, 1, 0, 63);
        immediate(0x60001013, MIN, 0, 0);
        immediate(0x6000101b, MIN, 0, 32); // CLZW
        immediate(0x6000101b, 0x80000001, 0, 0);
        immediate(0x60101013, 0, 0, 64); // CTZ
        immediate(0x60101013, MIN, 0, 63);
        immediate(0x60101013, ONES, 0, 0);
        immediate(0x6010101b, MIN, 0, 32); // CTZW
        immediate(0x6010101b, 0x80000000, 0, 31);
        immediate(0x60201013, ONES, 0, 64); // CPOP
        immediate(0x60201013, 0x8000400020001001, 0, 5);
        immediate(0x6020101b, 0xffffffff00010001, 0, 2); // CPOPW
        immediate(0x6020101b, ONES, 0, 32);
        calculates(0x0a006033, ONES, 1, 1); // MAX
        calculates(0x0a007033, ONES, 1, ONES); // MAXU
        calculates(0x0a004033, ONES, 1, ONES); // MIN
        calculates(0x0a005033, ONES, 1, 1); // MINU
        immediate(0x60401013, 0x180, 0, 0xffffffffffffff80); // SEXT.B
        immediate(0x60501013, 0x18000, 0, 0xffffffffffff8000); // SEXT.H
        immediate(0x0800403b, 0xffff8001, 0, 0x8001); // ZEXT.H
        calculates(0x60001033, 0x8000000000000001, 0x41, 3); // ROL
        calculates(0x60001033, 0x8000000000000001, 0x40, 0x8000000000000001);
        calculates(0x6000103b, 0x80000001, 0x21, 3); // ROLW
        calculates(0x6000103b, 0x40000000, 1, WMIN);
        calculates(0x60005033, 3, 0x41, 0x8000000000000001); // ROR
        immediate(0x60005013, 3, 1, 0x8000000000000001); // RORI
        immediate(0x60005013, 0x1234, 0, 0x1234);
        immediate(0x6000501b, 0xffffffff00000003, 1, 0xffffffff80000001); // RORIW
        calculates(0x6000503b, 0x12345678, 0x24, 0xffffffff81234567); // RORW
        immediate(0x28705013, 0x0001008000ff7f00, 0, 0x00ff00ff00ffff00); // ORC.B
        immediate(0x6b805013, 0x0102030405060708, 0, 0x0807060504030201); // REV8
    }

    function testZbs() external view {
        calculates(0x48001033, ONES, 0x7f, MAX); // BCLR
        immediate(0x48001013, ONES, 63, MAX); // BCLRI
        calculates(0x48005033, MIN, 0x7f, 1); // BEXT
        immediate(0x48005013, MIN, 62, 0); // BEXTI
        calculates(0x68001033, ONES, 0x40, 0xfffffffffffffffe); // BINV
        immediate(0x68001013, 0, 63, MIN); // BINVI
        calculates(0x28001033, 0, 0x7f, MIN); // BSET
        immediate(0x28001013, 1, 1, 3); // BSETI
    }

    // ---- Fetch and faults -------------------------------------------------------------------------------------------

    function testLengths() external view {
        TestMachine memory m = machine();
        finish(m, 2, 8, m.x[8] + 1, step(m.text(0x0405), m.fetch())); // C.ADDI x8, 1
        m = machine();
        m.pc = 0x101e; // the last halfword of a word: no second access for a short instruction
        finish(m, 2, 8, m.x[8] + 1, step(m.text(0x0405), m.fetch()));
        m = machine();
        m.pc = 0x101e;
        m.text(0x00128393); // ADDI x7, x5, 1 across two words
        bytes memory accesses = bytes.concat(m.fetch(), m.accessNext(0x1_8000_1020));
        finish(m, 4, 7, m.x[5] + 1, step(m, accesses));
        m = machine();
        bytes32 result = step(m.text(0x9282), m.fetch()); // C.JALR x5: the link is pc + 2
        m.pc = 0x0505050505050504;
        finish(m, 0, 1, 0x1002, result);
    }

    function testLastHalfwordOfText() external view {
        TestMachine memory m = machine();
        m.pc = 2 ** 29 - 2;
        m.poke(0x1_9fff_fffe, 0x8393, 2); // its upper half, in slot 13, is zero: ADDI x7, x1, 0
        bytes memory accesses = bytes.concat(m.fetch(), m.accessNext(0x1_a000_0000));
        finish(m, 4, 7, m.x[1], step(m, accesses));
    }

    function testIllegalInstructions() external view {
        uint32[34] memory words = [
            uint32(0x0000), // all zero
            0x0004, // C.ADDI4SPN with zero immediate
            0x2000, // C.FLD
            0x8000, // reserved quadrant
            0xa000, // C.FSD
            0x2001, // C.ADDIW with rd = 0
            0x6101, // C.ADDI16SP with zero immediate
            0x6081, // C.LUI with zero immediate
            0x9c41, // C.SUBW group, reserved
            0x9c61,
            0x2002, // C.FLDSP
            0x4002, // C.LWSP with rd = 0
            0x6002, // C.LDSP with rd = 0
            0x8002, // C.JR with rs1 = 0
            0xa002, // C.FSDSP
            0xffffffff,
            0x00007003, // LOAD with funct3 7
            0x00004023, // STORE with funct3 4
            0x00002063, // BRANCH with funct3 2
            0x00003063,
            0x00001067, // JALR with funct3 1
            0x0000200f, // MISC-MEM with funct3 2
            0x30529073, // CSRRW
            0x00200073, // URET
            0x10500073, // WFI
            0x04000033, // OP with funct7 2
            0x06001013, // SLLI with bits set above the shift
            0x0200101b, // SLLIW with a shift of 6 bits
            0x60301013, // CLZ group, funct12 0x603
            0x0810403b, // ZEXT.H with rs2 = 1
            0x1012a3af, // LR.W with rs2 = 1
            0x0002812f, // AMO with funct3 0
            0x2802a12f, // AMO with funct5 5
            0x00002007 // FLW
        ];
        for (uint256 i = 0; i < words.length; i++) {
            TestMachine memory m = machine();
            m.reservation = 0x41;
            m.text(words[i]);
            stops(m, m.fetch(), 3);
        }
    }

    function testBreakpoints() external view {
        TestMachine memory m = machine();
        m.text(0x00100073);
        stops(m, m.fetch(), 5);
        m = machine();
        m.text(0x9002);
        stops(m, m.fetch(), 5);
    }

    function testBadPc() external view {
        TestMachine memory m = machine();
        m.pc = 2 ** 29;
        stops(m, "", 4);
        m = machine();
        m.pc = 0xfffffffffffffffe;
        stops(m, "", 4);
        m = machine();
        m.pc = 0x1001;
        stops(m, "", 4);
    }

    function testOutOfSteps() external view {
        TestMachine memory m = machine();
        m.stepsLeft = 0;
        m.text(0x00100073);
        bytes32 result = step(m, "");
        m.status = 2;
        vm.assertEq(result, m.root());
    }

    function testStoppedMachineStays() external view {
        for (uint8 status = 1; status < 8; status++) {
            TestMachine memory m = machine();
            (m.status, m.exitCode) = (status, 77);
            vm.assertEq(step(m, ""), m.root());
        }
    }
}
