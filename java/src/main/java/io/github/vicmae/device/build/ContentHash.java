package io.github.vicmae.device.build;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 of several pieces; where one ends and the next begins counts. */
final class ContentHash {
    private final MessageDigest digest;

    ContentHash() {
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every JVM has SHA-256", e);
        }
    }

    ContentHash add(byte[] piece) {
        digest.update(ByteBuffer.allocate(Long.BYTES).putLong(0, piece.length));
        digest.update(piece);
        return this;
    }

    ContentHash add(String piece) {
        return add(piece.getBytes(StandardCharsets.UTF_8));
    }

    /** The hash of all pieces; call once. */
    String hex() {
        return HexFormat.of().formatHex(digest.digest());
    }
}
