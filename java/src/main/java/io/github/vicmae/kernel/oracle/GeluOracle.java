package io.github.vicmae.kernel.oracle;

/** The exact GELU in double precision, on the normal distribution function from its series and its continued fraction. */
public final class GeluOracle {
    private GeluOracle() {}

    /** x Phi(x). */
    public static double gelu(double x) {
        return x * cdf(x);
    }

    /** Phi(x) + x phi(x). */
    public static double slope(double x) {
        return cdf(x) + x * density(x);
    }

    private static double density(double x) {
        return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    }

    /** Phi(x), to about 15 digits of the smaller of Phi(x) and Phi(-x). */
    private static double cdf(double x) {
        double a = Math.abs(x);
        double tail;
        if (a < 3) {
            // Phi(a) = 1/2 + phi(a) * (a + a^3 / 3 + a^5 / (3 * 5) + ...): all terms positive
            double term = a;
            double sum = a;
            for (int n = 1; n < 100; n++) {
                term *= a * a / (2 * n + 1);
                sum += term;
            }
            tail = 0.5 - density(a) * sum;
        } else {
            // Phi(-a) = phi(a) / (a + 1 / (a + 2 / (a + 3 / (a + ...))))
            double fraction = a;
            for (int n = 200; n >= 1; n--) {
                fraction = a + n / fraction;
            }
            tail = density(a) / fraction;
        }
        return x < 0 ? tail : 1 - tail;
    }
}
