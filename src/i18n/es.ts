/** The Spanish texts of mails and pages, in the polite form. The keys are those of the English texts. */
import type { Translation } from './en.ts';
import { accountPages } from './es-account-pages.ts';
import { mails } from './es-mails.ts';

const pages: Translation['pages'] = {
  ...accountPages,
  account: 'Cuenta',
  address: 'Dirección',
  errorTitle: 'Error: {{title}}',
  support: '¿Preguntas? Escriba a',
  closeHint: 'Puede cerrar esta página.',
  linkIncomplete: {
    title: 'El enlace está incompleto',
    body: 'Falta una parte del enlace. Abra el enlace del correo o cópielo entero.',
  },
  verifyEmail: {
    title: 'Confirme su dirección de correo',
    body: 'Pulse el botón para confirmar que esta dirección es suya. Después, su cuenta estará lista.',
    registrationBody:
      'Escriba la contraseña que eligió al registrarse. Después, su cuenta estará lista.',
    accountBody: 'Escriba la contraseña de esta cuenta para confirmar que la dirección es suya.',
    typeBody:
      'Escriba el código del correo que recibió al registrarse. O abra el enlace de ese correo.',
    email: 'Dirección de correo',
    code: 'Código',
    codeHint: 'Ocho letras y cifras, como 4F7K-2M9X.',
    typeButton: 'Continuar',
    wrongCode:
      'Este código no es válido para esta dirección. Revise los dos datos. Tras cinco códigos erróneos solo sirve el enlace del correo; un correo nuevo trae otro código.',
    password: 'Contraseña',
    wrongPassword:
      'Esta no es la contraseña de este registro. Si no se ha registrado, elimine el registro.',
    wrongAccountPassword:
      'Esta no es la contraseña de esta cuenta. Si la eligió otra persona, restablezca la contraseña. Eso también confirma la dirección.',
    button: 'Confirmar esta dirección',
    cancelHint: '¿Se ha registrado otra persona con su dirección?',
    cancelButton: 'No he sido yo',
    cancelledTitle: 'Registro eliminado',
    cancelled: 'El registro se ha eliminado. Su código ya no sirve.',
    doneTitle: 'Dirección confirmada',
    done: 'Su cuenta está lista. Ya puede iniciar sesión.',
    deadTitle: 'Este enlace ya no sirve',
    dead: 'Ya se ha usado, ha caducado o lo ha sustituido un correo más reciente.',
    deadHelp:
      'Si ya confirmó la dirección, inicie sesión. Si no, pida otro correo y use su enlace.',
  },
  confirmEmailChange: {
    title: 'Confirme su nueva dirección',
    body: 'Pulse el botón para que esta sea la dirección de su cuenta. A partir de entonces iniciará sesión con ella.',
    button: 'Usar esta dirección',
    doneTitle: 'Dirección cambiada',
    done: 'A partir de ahora inicia sesión con la nueva dirección y en ella recibe los correos.',
    deadTitle: 'Este enlace ya no sirve',
    dead: 'Ya se ha usado, ha caducado o el cambio se canceló.',
    deadHelp:
      'Si ya confirmó el cambio, no tiene que hacer nada. Si no, vuelva a pedirlo en su cuenta.',
  },
  cancelEmailChange: {
    title: 'Cancelar el cambio de dirección',
    body: 'Alguien quiere cambiar la dirección de esta cuenta. Pulse el botón para conservar la actual. También se cerrarán todas las sesiones de la cuenta.',
    button: 'Cancelar el cambio',
    doneTitle: 'El cambio se ha cancelado',
    done: 'La dirección se mantiene y se han cerrado todas las sesiones de la cuenta. La persona que pidió el cambio conoce su contraseña. Restablezca su contraseña ahora.',
    deadTitle: 'Este enlace ya no sirve',
    dead: 'Ya se ha usado, ha caducado o el cambio ya se confirmó o se canceló.',
    deadHelp:
      'Si la dirección de su cuenta se cambió sin su permiso, avise ahora a su administrador.',
  },
  resetPassword: {
    title: 'Elija una contraseña nueva',
    inviteTitle: 'Elija su contraseña',
    body: 'Se cerrarán todas sus sesiones y podrá iniciar sesión con la contraseña nueva.',
    inviteBody: 'Se ha creado una cuenta para usted. Elija una contraseña para iniciar sesión.',
    password: 'Contraseña nueva',
    passwordConfirmation: 'Repita la contraseña nueva',
    hint_one:
      'Al menos {{count}} carácter. Unas cuantas palabras sin relación entre sí son una buena elección.',
    hint_other:
      'Al menos {{count}} caracteres. Unas cuantas palabras sin relación entre sí son una buena elección.',
    button: 'Guardar la contraseña',
    doneTitle: 'Contraseña guardada',
    done: 'Ya puede iniciar sesión con la contraseña nueva.',
    deadTitle: 'Este enlace ya no sirve',
    dead: 'Ya se ha usado, ha caducado o lo ha sustituido un correo más reciente.',
    deadHelp:
      'Si todavía necesita una contraseña nueva, pida otro enlace con la dirección de su cuenta.',
  },
  faults: {
    empty: 'Escriba una contraseña.',
    tooShort_one: 'Use al menos {{count}} carácter.',
    tooShort_other: 'Use al menos {{count}} caracteres.',
    tooLong_one: 'Use como máximo {{count}} carácter.',
    tooLong_other: 'Use como máximo {{count}} caracteres.',
    malformed: 'Esta contraseña contiene caracteres incompletos. Escríbala otra vez.',
    common: 'Elija otra contraseña: esta figura en las listas que los atacantes prueban primero.',
    personal:
      'Elija una contraseña que sea algo más que su nombre, su dirección o el nombre de este servicio.',
    mismatch: 'Las dos contraseñas son distintas. Escriba la misma contraseña dos veces.',
    other: 'Esta contraseña no se acepta. Elija otra.',
  },
  failure: {
    title: 'Algo ha fallado',
    throttled: 'Demasiados intentos. Espere un momento y abra otra vez el enlace del correo.',
    overloaded: 'El servicio está ocupado. Espere un momento y abra otra vez el enlace del correo.',
    malformed: 'El formulario no se ha enviado correctamente. Abra otra vez el enlace del correo.',
    internal: 'Se ha producido un error interno. Vuelva a intentarlo más tarde.',
  },
};

export const es: Translation = { mails, pages };
