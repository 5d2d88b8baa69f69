package io.github.vicmae.report;

import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.List;

/**
 * A confusion matrix as a picture: a row for each true class, a column for each predicted one. A cell's colour is its share of its row: blue on the
 * diagonal, orange elsewhere, with the cube root, so that a few mistakes show. Up to 24 classes have their counts in the cells, up to 60 their
 * names beside them; of more than 250, neighbouring classes share a cell, which on the diagonal counts what is right.
 */
final class ConfusionPicture {
    private static final int SIDE = 1000;
    private static final int MOST_CELLS = 250;
    private static final int MOST_COUNTED = 24;
    private static final int MOST_NAMED = 60;
    private static final int LONGEST_NAME = 22;
    private static final int LARGEST_CELL = 44;
    private static final int GAP = 6;
    private static final Color PAPER = Color.WHITE;
    private static final Color INK = new Color(0x1b1f24);
    private static final Color FRAME = new Color(0x9aa4ae);
    private static final Color RIGHT = new Color(0x1c64b0);
    private static final Color WRONG = new Color(0xb0500a);

    private final int[][] counts;
    private final List<String> names;
    private final int columns;
    /** Classes of a cell's side. */
    private final int merged;

    private final int cell;

    private ConfusionPicture(List<String> names, int[][] counts) {
        this.counts = counts;
        this.names = names;
        columns = counts[0].length;
        merged = (counts.length + MOST_CELLS - 1) / MOST_CELLS;
        cell = Math.max(1, Math.min(LARGEST_CELL, SIDE / cells(counts.length)));
    }

    /**
     * Draws a matrix.
     *
     * @param names of the rows; the first of them are those of the columns
     * @param counts [true class][predicted class]
     */
    static BufferedImage draw(List<String> names, int[][] counts) {
        ConfusionPicture picture = new ConfusionPicture(names, counts);
        try {
            return picture.draw(true);
        } catch (RuntimeException | LinkageError | InternalError e) {
            return picture.draw(false); // a Java runtime without fonts
        }
    }

    /** What a reader should know of the picture, a sentence after a space; empty for few classes. */
    static String note(int classes) {
        if (classes <= MOST_NAMED) {
            return "";
        }
        int merged = (classes + MOST_CELLS - 1) / MOST_CELLS;
        return " The numbers count the classes as evaluation.json lists them"
                + (merged > 1 ? "; a cell stands for " + merged + " neighbouring ones" : "") + ".";
    }

    private BufferedImage draw(boolean texts) {
        int width = cells(columns) * cell;
        int height = cells(counts.length) * cell;
        Font font = texts ? new Font(Font.SANS_SERIF, Font.PLAIN, Math.max(9, Math.min(13, cell - 1))) : null;
        FontMetrics metrics = texts ? metrics(font) : null;
        int line = texts ? metrics.getHeight() : 0;
        int margin = texts ? labelWidth(metrics) + GAP + line + GAP : GAP;
        BufferedImage image =
                new BufferedImage(margin + width + 2 * GAP, margin + height + 2 * GAP, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = image.createGraphics();
        g.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        g.setColor(PAPER);
        g.fillRect(0, 0, image.getWidth(), image.getHeight());
        g.translate(margin, margin);
        cells(g);
        g.setColor(FRAME);
        g.drawRect(-1, -1, width + 1, height + 1);
        if (texts) {
            g.setColor(INK);
            g.setFont(font);
            labels(g, metrics, width, height, margin);
            if (counts.length <= MOST_COUNTED) {
                numbers(g, metrics);
            }
        }
        g.dispose();
        return image;
    }

    private int cells(int classes) {
        return (classes + merged - 1) / merged;
    }

    private static FontMetrics metrics(Font font) {
        Graphics2D g = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB).createGraphics();
        try {
            return g.getFontMetrics(font);
        } finally {
            g.dispose();
        }
    }

    private int labelWidth(FontMetrics metrics) {
        int widest = metrics.stringWidth(Integer.toString(counts.length));
        for (int c = 0; counts.length <= MOST_NAMED && c < counts.length; c++) {
            widest = Math.max(widest, metrics.stringWidth(shortName(c)));
        }
        return widest;
    }

    private String shortName(int c) {
        String name = names.get(c);
        return name.length() <= LONGEST_NAME ? name : name.substring(0, LONGEST_NAME - 1) + "\u2026";
    }

    private void cells(Graphics2D g) {
        for (int row = 0; row < cells(counts.length); row++) {
            for (int column = 0; column < cells(columns); column++) {
                g.setColor(colour(share(row, column), row == column));
                g.fillRect(column * cell, row * cell, cell, cell);
            }
        }
    }

    /** The share of a cell's rows that it holds: the mean over those that have samples. */
    private double share(int row, int column) {
        double sum = 0;
        int rows = 0;
        for (int r = row * merged; r < Math.min(counts.length, (row + 1) * merged); r++) {
            long all = 0;
            long inside = 0;
            for (int c = 0; c < columns; c++) {
                all += counts[r][c];
                boolean isInside = row == column ? c == r : c / merged == column;
                inside += isInside ? counts[r][c] : 0;
            }
            if (all > 0) {
                sum += (double) inside / all;
                rows++;
            }
        }
        return rows == 0 ? 0 : sum / rows;
    }

    private static Color colour(double share, boolean isRight) {
        double strength = isRight ? share : Math.cbrt(share);
        Color full = isRight ? RIGHT : WRONG;
        return new Color(
                blend(PAPER.getRed(), full.getRed(), strength),
                blend(PAPER.getGreen(), full.getGreen(), strength),
                blend(PAPER.getBlue(), full.getBlue(), strength));
    }

    private static int blend(int from, int to, double strength) {
        return (int) Math.round(from + (to - from) * Math.min(1, strength));
    }

    /** Names of the classes, or the numbers of some where they are many. */
    private void labels(Graphics2D g, FontMetrics metrics, int width, int height, int margin) {
        boolean named = counts.length <= MOST_NAMED;
        int every = named ? 1 : every(counts.length);
        int half = (metrics.getAscent() - metrics.getDescent()) / 2;
        for (int c = 0; c < counts.length; c += every) {
            String text = named ? shortName(c) : Integer.toString(c + 1);
            int middle = c / merged * cell + cell / 2;
            g.drawString(text, -GAP - metrics.stringWidth(text), middle + half);
            if (c < columns) {
                upwards(g, text, middle + half, -GAP);
            }
        }
        String predicted = "predicted";
        int line = margin - metrics.getAscent();
        g.drawString(predicted, Math.max(0, (width - metrics.stringWidth(predicted)) / 2), -line);
        upwards(g, "true", -line, Math.min(height, (height + metrics.stringWidth("true")) / 2));
    }

    /** The distance of the numbers: 10, 20, 50, 100 and so on, so that there are about twenty. */
    private static int every(int classes) {
        int[] steps = {1, 2, 5};
        int i = 0;
        int decade = 10;
        while (classes / (steps[i] * decade) > 20) {
            i = (i + 1) % steps.length;
            decade *= i == 0 ? 10 : 1;
        }
        return steps[i] * decade;
    }

    private static void upwards(Graphics2D g, String text, int x, int y) {
        Graphics2D turned = (Graphics2D) g.create();
        turned.translate(x, y);
        turned.rotate(-Math.PI / 2);
        turned.drawString(text, 0, 0);
        turned.dispose();
    }

    private void numbers(Graphics2D g, FontMetrics metrics) {
        for (int row = 0; row < counts.length; row++) {
            for (int column = 0; column < columns; column++) {
                if (counts[row][column] > 0) {
                    String text = Integer.toString(counts[row][column]);
                    int x = column * cell + (cell - metrics.stringWidth(text)) / 2;
                    int y = row * cell + (cell + metrics.getAscent() - metrics.getDescent()) / 2;
                    g.setColor(share(row, column) > 0.5 ? PAPER : INK);
                    if (metrics.stringWidth(text) < cell) {
                        g.drawString(text, x, y);
                    }
                }
            }
        }
    }
}
