"""Three softmax units with the categorical loss, the activation in a layer of its own."""

import keras


def build() -> keras.Model:
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    outputs = keras.layers.Activation("softmax")(keras.layers.Dense(3)(hidden))
    model = keras.Model(inputs, outputs)
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    return model
