package io.github.vicmae.data.synthetic;

import java.awt.BasicStroke;
import java.awt.Shape;
import java.awt.geom.Area;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.util.Locale;

/**
 * The classes of {@link SyntheticShapes}: an outline of radius about 1 around the origin, and how it turns and deforms. Solid, hollow, thin
 * and pointed shapes are mixed; their outlines differ at the scale of a patch as well as overall.
 */
enum ShapeKind {
    CIRCLE(0, 0.22, 0),
    CRESCENT(0, 0.05, 0.12),
    CROSS(0, 0, 0.15),
    RING(0, 0.1, 0.2),
    SQUARE(0, 0.08, 0),
    STAR(0.5, 0.1, 0),
    TRIANGLE(0, 0, 0.2),
    ZIGZAG(0, 0.05, 0.25);

    private final double spin;
    private final double pulse;
    private final double stretch;

    /**
     * @param spin turns a second; 0 for one that rocks to and fro
     * @param pulse share by which the whole size swings
     * @param stretch share by which the two axes swing against each other
     */
    ShapeKind(double spin, double pulse, double stretch) {
        this.spin = spin;
        this.pulse = pulse;
        this.stretch = stretch;
    }

    double spin() {
        return spin;
    }

    double pulse() {
        return pulse;
    }

    double stretch() {
        return stretch;
    }

    /** The class's name, as its folder is called. */
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    Shape outline() {
        return switch (this) {
            case CIRCLE -> disc(0, 0, 0.9);
            case CRESCENT -> without(disc(0, 0, 1), disc(0.45, 0, 0.8));
            case CROSS -> with(rectangle(1.1, 0.25), rectangle(0.25, 1.1));
            case RING -> without(disc(0, 0, 1), disc(0, 0, 0.7));
            case SQUARE -> rectangle(0.8, 0.8);
            case STAR -> polygon(5, 0.38);
            case TRIANGLE -> polygon(3, 0.5);
            case ZIGZAG -> zigzag();
        };
    }

    private static Shape disc(double x, double y, double radius) {
        return new Ellipse2D.Double(x - radius, y - radius, 2 * radius, 2 * radius);
    }

    private static Shape rectangle(double halfWidth, double halfHeight) {
        return new Rectangle2D.Double(-halfWidth, -halfHeight, 2 * halfWidth, 2 * halfHeight);
    }

    private static Shape with(Shape first, Shape second) {
        Area area = new Area(first);
        area.add(new Area(second));
        return area;
    }

    private static Shape without(Shape first, Shape second) {
        Area area = new Area(first);
        area.subtract(new Area(second));
        return area;
    }

    /** Points on the unit circle with others between them at {@code inner}; for a triangle 0.5 puts those on its sides. */
    private static Shape polygon(int points, double inner) {
        Path2D path = new Path2D.Double();
        for (int i = 0; i < 2 * points; i++) {
            double radius = i % 2 == 0 ? 1.05 : 1.05 * inner;
            double angle = Math.PI * i / points - Math.PI / 2;
            if (i == 0) {
                path.moveTo(radius * Math.cos(angle), radius * Math.sin(angle));
            } else {
                path.lineTo(radius * Math.cos(angle), radius * Math.sin(angle));
            }
        }
        path.closePath();
        return path;
    }

    private static Shape zigzag() {
        Path2D path = new Path2D.Double();
        path.moveTo(-1.3, -0.35);
        path.lineTo(-0.65, 0.45);
        path.lineTo(0, -0.35);
        path.lineTo(0.65, 0.45);
        path.lineTo(1.3, -0.35);
        return new BasicStroke(0.3f).createStrokedShape(path);
    }
}
