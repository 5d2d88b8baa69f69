package io.github.vicmae.train;

/** Warnings for a program that has no console to show them on: they go to the platform's log. */
final class LoggedWarnings implements Progress {
    private static final System.Logger LOG = System.getLogger(Pretrainer.class.getName());

    @Override
    public void started(String message) {
        LOG.log(System.Logger.Level.INFO, message);
    }

    @Override
    public void step(Update update) {
        LOG.log(
                System.Logger.Level.DEBUG,
                () -> "Step " + update.step() + ": " + update.losses().total());
    }

    @Override
    public void warning(String message) {
        LOG.log(System.Logger.Level.WARNING, message);
    }
}
