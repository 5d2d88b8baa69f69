package io.github.vicmae.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

class PlotTest {
    private static final Plot.Axis ROWS = new Plot.Axis("rows", true);
    private static final Plot.Axis TIME = new Plot.Axis("milliseconds", true);

    private static Document parse(Plot plot) throws Exception {
        byte[] bytes = plot.svg().getBytes(StandardCharsets.UTF_8);
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new ByteArrayInputStream(bytes));
    }

    private static double[] places(Document svg, String coordinate) {
        var circles = svg.getElementsByTagName("circle");
        double[] places = new double[circles.getLength()];
        for (int i = 0; i < places.length; i++) {
            places[i] = Double.parseDouble(((Element) circles.item(i)).getAttribute(coordinate));
        }
        return places;
    }

    @Test
    void equalFactorsAreEqualDistancesOnALogarithmicAxis() throws Exception {
        Document svg =
                parse(new Plot("t", ROWS, TIME).series("a", new double[] {256, 1024, 4096}, new double[] {1, 10, 100}));
        double[] x = places(svg, "cx");
        double[] y = places(svg, "cy");
        assertEquals(x[1] - x[0], x[2] - x[1], 0.11);
        assertEquals(y[1] - y[0], y[2] - y[1], 0.11);
        assertTrue(x[0] < x[1] && y[0] > y[1], "to the right and up");
    }

    @Test
    void linearAxesBeginAtZeroOrBelow() throws Exception {
        Plot.Axis plain = new Plot.Axis("v", false);
        Document svg = parse(new Plot("t", plain, plain).series("a", new double[] {0, 1, 2}, new double[] {5, 10, 20}));
        double[] y = places(svg, "cy");
        // 0 lies on the lower edge, and so do the distances from it follow the values.
        double zero = 440 - 56;
        assertEquals(2, (zero - y[1]) / (zero - y[0]), 0.02);
        assertEquals(4, (zero - y[2]) / (zero - y[0]), 0.02);
    }

    @Test
    void whatCannotBeShownIsLeftOut() throws Exception {
        Plot plot =
                new Plot("t", ROWS, TIME).series("a", new double[] {1, 2, 3, 4}, new double[] {Double.NaN, 0, -1, 5});
        assertEquals(1, places(parse(plot), "cx").length);
        Plot nothing = new Plot("t", ROWS, TIME).series("a", new double[] {1}, new double[] {Double.NaN});
        assertTrue(nothing.isEmpty());
        assertTrue(nothing.svg().contains("Nothing was measured."));
        assertFalse(plot.isEmpty());
    }

    @Test
    void namesAreEscapedAndOneSizeSuitsEveryLocale() throws Exception {
        Locale before = Locale.getDefault();
        Plot plot = new Plot("a < b & \"c\"", ROWS, TIME)
                .series("<x>", new double[] {1.5, 3}, new double[] {2, 4.25})
                .guide("limit", new double[] {1, 4}, new double[] {4, 4});
        String here = plot.svg();
        try {
            Locale.setDefault(Locale.GERMANY);
            assertEquals(
                    here,
                    new Plot("a < b & \"c\"", ROWS, TIME)
                            .series("<x>", new double[] {1.5, 3}, new double[] {2, 4.25})
                            .guide("limit", new double[] {1, 4}, new double[] {4, 4})
                            .svg());
        } finally {
            Locale.setDefault(before);
        }
        assertTrue(parse(plot).getDocumentElement().getTextContent().contains("a < b & \"c\""));
    }

    @Test
    void ticksAreRound() {
        assertArrayEquals(new double[] {1, 2, 5, 10}, Plot.ticks(ROWS, 0, 1), 1e-9);
        assertArrayEquals(new double[] {30, 50, 70, 100}, Plot.ticks(ROWS, Math.log10(28), Math.log10(175)), 1e-9);
        assertArrayEquals(new double[] {0, 5, 10, 15, 20, 25}, Plot.ticks(new Plot.Axis("", false), 0, 27), 1e-9);
    }

    @Test
    void seriesWantAYForEachX() {
        Plot plot = new Plot("t", ROWS, TIME);
        assertThrows(IllegalArgumentException.class, () -> plot.series("a", new double[2], new double[3]));
    }

    @Test
    void pointsOfOneNameHaveOneColourAndOneLineOfTheLegend() throws Exception {
        Plot plot = new Plot("t", ROWS, TIME)
                .points("a", Mark.DOT, new double[] {1}, new double[] {2})
                .points("a", Mark.SQUARE, new double[] {2}, new double[] {3})
                .points("b", Mark.DOT, new double[] {3}, new double[] {4})
                .mark(Mark.DOT, "ours")
                .mark(Mark.SQUARE, "theirs");
        assertEquals(
                List.of("t", "rows", "milliseconds", "a", "b", "ours", "theirs"),
                texts(parse(plot)).stream().filter(w -> !w.matches("[0-9.]+")).toList());
        String svg = plot.svg();
        assertTrue(svg.contains("fill=\"#0072b2\"><title>a, ours: 1, 2<"), svg);
        assertTrue(svg.contains("fill=\"#0072b2\"><title>a, theirs: 2, 3<"), svg);
        assertTrue(svg.contains("fill=\"#d55e00\"><title>b, ours: 3, 4<"), svg);
    }

    @Test
    void everyMarkIsWellFormedAndAnotherOne() throws Exception {
        Set<String> signs = new HashSet<>();
        for (Mark mark : Mark.values()) {
            Plot plot = new Plot("t", ROWS, TIME).points("a", mark, new double[] {1}, new double[] {2});
            parse(plot);
            signs.add(plot.svg());
        }
        assertEquals(Mark.values().length, signs.size());
    }

    @Test
    void remarksStandBelowTheirSeriesInTheLegend() throws Exception {
        Plot plot = new Plot("t", ROWS, TIME)
                .series("a\nno memory at 4", new double[] {1, 2}, new double[] {1, 2})
                .series("b", new double[] {1, 4}, new double[] {2, 3});
        Document svg = parse(plot);
        assertTrue(texts(svg).containsAll(List.of("a", "no memory at 4", "b")), () -> texts(svg)
                .toString());
        assertTrue(plot.svg().contains("<title>a: 1, 1<"), "points are called by the name alone");
    }

    @Test
    void ticksStandWhereTheyAreAskedForUnlessTheirLabelsWouldMeet() throws Exception {
        Plot plot = new Plot("t", ROWS, TIME)
                .series("a", new double[] {17, 65536}, new double[] {1, 2})
                .ticksAt(17, 18, 1024, 65536);
        List<String> words = texts(parse(plot));
        assertTrue(words.containsAll(List.of("17", "1024", "65536")), words::toString);
        assertFalse(words.contains("18"), words::toString);
        assertFalse(words.contains("100"), words::toString);
    }

    private static List<String> texts(Document svg) {
        var texts = svg.getElementsByTagName("text");
        return IntStream.range(0, texts.getLength())
                .mapToObj(i -> texts.item(i).getTextContent())
                .toList();
    }
}
