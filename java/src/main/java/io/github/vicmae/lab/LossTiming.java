package io.github.vicmae.lab;

/**
 * How long a loss takes.
 *
 * @param loss its name
 * @param form symmetric or two-sided
 * @param device where
 * @param rows R = K
 * @param milliseconds the median of both passes together
 * @param bytes of memory beyond inputs and gradients
 * @param repetitions of which the median was taken
 */
public record LossTiming(
        String loss, Form form, String device, int rows, double milliseconds, long bytes, int repetitions) {}
