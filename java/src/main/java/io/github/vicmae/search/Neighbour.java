package io.github.vicmae.search;

/**
 * A row that is near.
 *
 * @param row its number
 * @param similarity the cosine with what was asked for, from -1 to 1
 */
record Neighbour(long row, float similarity) {}
