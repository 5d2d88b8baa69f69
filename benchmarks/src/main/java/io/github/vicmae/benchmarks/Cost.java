package io.github.vicmae.benchmarks;

/**
 * The least work that a result takes, whatever the implementation.
 *
 * @param bytes that have to be read once or written once
 * @param flops a multiply-add counting as two; 0 where they do not matter beside the bytes
 */
record Cost(double bytes, double flops) {
    static Cost ofPass(String pass, Cost forward, Cost backward) {
        return switch (pass) {
            case "forward" -> forward;
            case "backward" -> backward;
            default -> new Cost(forward.bytes + backward.bytes, forward.flops + backward.flops);
        };
    }
}
