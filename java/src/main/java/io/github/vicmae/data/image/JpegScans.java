package io.github.vicmae.data.image;

import java.util.Arrays;

/** What the scans of a JPEG file have sent of each component's 64 coefficients: in a progressive one (ITU-T T.81, annex G) bit by bit. */
final class JpegScans {
    private static final int COEFFICIENTS = 64;
    private static final int NOTHING = 255;

    private final int[] ids;
    /** The lowest bit that was sent of each coefficient; 0 is all of it. */
    private final int[][] lowest;

    private final boolean progressive;

    /**
     * @param start of the content of the frame's header
     * @param end behind it
     * @param marker of the frame
     */
    JpegScans(byte[] file, int start, int end, int marker) {
        int count = Math.min(file[start + 5] & 0xFF, Math.max(0, (end - start - 6) / 3));
        ids = new int[count];
        lowest = new int[count][COEFFICIENTS];
        for (int i = 0; i < count; i++) {
            ids[i] = file[start + 6 + 3 * i] & 0xFF;
            Arrays.fill(lowest[i], NOTHING);
        }
        progressive = marker % 4 == 2;
    }

    /** Notes a scan, by the content of its header. */
    void add(byte[] file, int start, int end) {
        int count = start < end ? file[start] & 0xFF : 0;
        int rest = start + 1 + 2 * count;
        if (rest + 3 > end) {
            return;
        }
        int first = progressive ? file[rest] & 0xFF : 0;
        int last = progressive ? Math.min(COEFFICIENTS - 1, file[rest + 1] & 0xFF) : COEFFICIENTS - 1;
        int bit = progressive ? file[rest + 2] & 0xF : 0;
        for (int i = 0; i < count; i++) {
            for (int c = 0; c < ids.length; c++) {
                if (ids[c] == (file[start + 1 + 2 * i] & 0xFF) && first <= last) {
                    Arrays.fill(lowest[c], first, last + 1, bit);
                }
            }
        }
    }

    /** Whether nothing of any component is missing. */
    boolean areComplete() {
        return ids.length > 0
                && Arrays.stream(lowest).flatMapToInt(Arrays::stream).allMatch(bit -> bit == 0);
    }
}
