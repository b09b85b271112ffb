import ArgumentParser

@main struct Gleaner: AsyncParsableCommand {}
