package io.github.vicmae.benchmarks;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * One row of results, as the JSON files hold it. Times are seconds, sizes bytes; what was not measured is null.
 *
 * @param benchmark what was done
 * @param implementation who did it
 * @param device on what: cpu, cuda:0
 * @param precision fp32 or bf16
 * @param shape the problem's sizes
 * @param pass which part of it, or null
 * @param latency from the launch until the device was done
 * @param error the latency's standard deviation over the iterations
 * @param submit of the latency, until the launch returned
 * @param deviceTime of one launch among many, one behind the other, by a card's own clock; null on the CPU, which has none
 * @param heap bytes that a launch allocates on the Java heap
 * @param bytes that must be read or written at the least
 * @param flops of the work
 * @param copyRate bytes a second of a plain copy of as many bytes, measured in the same process
 * @param productRate operations a second of a large matrix product, measured in the same process
 * @param memory bytes of device memory in use
 * @param missing why there are no figures, or null
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
record Row(
        String benchmark,
        String implementation,
        String device,
        String precision,
        String shape,
        String pass,
        Double latency,
        Double error,
        Double submit,
        Double deviceTime,
        Double heap,
        Double bytes,
        Double flops,
        Double copyRate,
        Double productRate,
        Double memory,
        String missing) {
    private static final double LEAST_BYTES = 1 << 20;

    static Row missing(
            String benchmark,
            Implementation who,
            String device,
            String precision,
            String shape,
            String pass,
            String why) {
        return new Row(
                benchmark,
                who.toString(),
                device,
                precision,
                shape,
                pass,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                why);
    }

    boolean isMeasured() {
        return latency != null;
    }

    /** What it is, without who did it: rows of the same work stand beside each other. */
    String work() {
        return benchmark + "|" + (device.equals("cuda") ? "cuda:0" : device) + "|" + precision + "|" + shape + "|"
                + (pass == null ? "" : pass);
    }

    /** The time that rates are taken from: a card's own, else the latency, which has many more launches behind it than a burst on the CPU. */
    double time() {
        return deviceTime != null && deviceTime > 0 && !device.equals("cpu") ? deviceTime : latency;
    }

    double bytesPerSecond() {
        return bytes == null ? Double.NaN : bytes / time();
    }

    double flopsPerSecond() {
        return flops == null || flops == 0 ? Double.NaN : flops / time();
    }

    /** NaN for so few bytes that what a copy costs beside its bytes counts more than they do. */
    double shareOfCopy() {
        return copyRate == null || bytes == null || bytes < LEAST_BYTES ? Double.NaN : bytesPerSecond() / copyRate;
    }

    double shareOfProduct() {
        return productRate == null ? Double.NaN : flopsPerSecond() / productRate;
    }
}
