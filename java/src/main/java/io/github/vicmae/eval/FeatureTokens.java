package io.github.vicmae.eval;

import java.util.Locale;

/** Which of an encoder's tokens become a view's features. */
public enum FeatureTokens {
    /** The tokens pooled as the model's settings say, by default the mean over its patches. */
    POOLED,
    /** The class token. */
    CLS,
    /** The pooled tokens and behind them the class token. */
    BOTH;

    /** Whether the class token is among them. */
    public boolean takesClassToken() {
        return this != POOLED;
    }

    /** The name as options write it: in lower case. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
