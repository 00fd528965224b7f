# Start of a task (spec 1.8): every register is zero but sp = 0xC0000000, a0..a7 = task fields.
#
# Nothing is cleared and no initialiser runs here, on purpose. The loader has written .data and zeroed
# .bss when the app was deployed, and a stateful app finds its variables as its last task left them.

    .section .text.start, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    la      tp, __tls_base

    la      t0, opt_task                # the field order of struct opt_task
    sd      a0,  0(t0)                  # input length
    sd      a1,  8(t0)                  # task number
    sd      a2, 16(t0)                  # L1 time
    sd      a3, 24(t0)                  # L1 block
    sd      a7, 32(t0)                  # nonce
    sd      a4, 40(t0)                  # sender: bytes 0..7
    sd      a5, 48(t0)                  #         bytes 8..15
    sd      a6, 56(t0)                  #         bytes 16..19, then four zero bytes
    la      t0, opt_output_length       # a stateful app's last task left its own length here
    sd      zero, 0(t0)

    li      t0, 0xC0000000
    beq     sp, t0, 1f
    mv      a0, sp                      # a Linux process (qemu-riscv64): argc and argv are at sp
    call    opt_linux_start
1:  call    main
    call    _exit
